"""How the frozen training set of a model is laid out, and its row groups in an order no layout can change.

An example is a feature row whose label is known, inside one of the split's windows.
Files hold one window and one range of hashes, sorted by hash, then key; how many
there are depends on the number of feature rows in the window alone. So the row
groups, taken in order of window, lowest hash and number, hold the same rows for the
same input, whatever the files are called and however the input was laid out. A later rewrite of the table (a
compaction) is not read: examples are what `build_examples` committed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.failures import DataFailure
from headrace.lake.changes import added_between
from headrace.lake.commit import last_info
from headrace.lake.snapshot import DataFile, RowGroup, Snapshot, open_snapshot, row_groups
from headrace.spec.model import Model

WINDOW = "_window"  # partition column: train, valid or test
HASH = "_hash"  # int64, ordered as the unsigned 64-bit hash of the key
LABEL = "_label"  # float32, 0 or 1
WINDOWS = ("train", "valid", "test")

_FILE_ROWS = 1_000_000  # aim per file
_GROUPS = 64  # aim per window: enough for shares to balance, few enough to read fast
_GROUP_ROWS = (64, 65_536)  # least and most rows of a row group


class Layout(NamedTuple):
    """Into how many files a window is written, and how long its row groups are."""

    buckets: int
    row_group_rows: int

    @classmethod
    def of(cls, rows: int) -> "Layout":
        """Decided by the number of feature rows in the window and nothing else.

        >>> Layout.of(100), Layout.of(240_000)
        (Layout(buckets=1, row_group_rows=64), Layout(buckets=1, row_group_rows=3750))
        """
        least, most = _GROUP_ROWS
        return cls(max(1, -(-rows // _FILE_ROWS)), min(max(-(-rows // _GROUPS), least), most))


def signed(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """The same order in the signed integers that tables have.

    >>> signed(np.array([0, 2**63, 2**64 - 1], np.uint64)).tolist()
    [-9223372036854775808, 0, 9223372036854775807]
    """
    return (hashes ^ np.uint64(1 << 63)).view(np.int64)


def unsigned(hashes: pa.Array) -> npt.NDArray[np.uint64]:
    """The inverse of `signed`, from a column."""
    values: npt.NDArray[np.uint64] = hashes.to_numpy().view(np.uint64)
    return values ^ np.uint64(1 << 63)


def bucket(hashes: npt.NDArray[np.uint64], buckets: int | npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """The equal range of the hash space each hash falls into.

    >>> bucket(np.array([0, 2**63, 2**64 - 1], np.uint64), 4).tolist()
    [0, 2, 3]
    """
    return ((hashes >> np.uint64(32)) * np.asarray(buckets, np.uint64) >> np.uint64(32)).astype(np.int64)


@dataclass(frozen=True)
class Examples:
    """One version of a model's examples, and what their commit says of them."""

    snapshot: Snapshot
    windows: Mapping[str, Mapping[str, Any]]  # from, to, rows, positives, unlabeled, known_late, digest
    inputs: Mapping[str, Mapping[str, Any]]  # features and labels: table, id, version

    def groups(self, window: str) -> tuple[RowGroup, ...]:
        """The row groups of a window in the order of their content; opens the footers."""
        files: list[DataFile] = [file for file in self.snapshot.files if file.partition[WINDOW] == window]
        return row_groups(sorted(files, key=lambda file: int(file.low[HASH])))


def settings_of(model: Model, spec_digest: str) -> dict[str, Any]:
    """The settings that decide which examples there are and what stands in them."""
    return {
        "spec": spec_digest,
        "label": model.label.model_dump(mode="json", by_alias=True),
        "split": model.split.model_dump(mode="json"),
    }


def open_examples(root: str, model: Model, spec_digest: str, config: str) -> Examples:
    """The newest examples.

    Raises:
        DataFailure: there are none, they were made with other settings than the model file
            has, or somebody else has changed them.
    """
    newest = open_snapshot(root)
    info = last_info(root) or {}
    made_with = info.get("made_from", {})
    wanted = settings_of(model, spec_digest)
    if changed := [name for name in wanted if made_with.get(name) != wanted[name]]:
        raise DataFailure(
            f"{root}: built with another {' and '.join(changed)} than the model file has now; "
            f"build the examples again: headrace examples {config}"
        )
    if added_between(root, info["version"], newest.version):
        raise DataFailure(
            f"{root}: somebody has added rows after version {info['version']}, which build_examples made; move the "
            "table away and build the examples again"
        )
    # As they were written: a compaction keeps the rows, not their order, on which the model's bytes depend.
    return Examples(open_snapshot(root, info["version"]), info["windows"], made_with["inputs"])


def refuse_unlearnable(examples: Examples) -> None:
    """Nothing, when there is something to learn from and to stop by.

    Raises:
        DataFailure: train or valid is empty, or has only one class.
    """
    for name in ("train", "valid"):
        window = examples.windows[name]
        span = f"{name} window {window['from']} to {window['to']}"
        if not window["rows"]:
            raise DataFailure(
                f"{examples.snapshot.root}: the {span} has no examples ({window['unlabeled']} rows without a label, "
                f"{window['known_late']} whose label came after the next window began); "
                "ingest data of that time, or move the window under `split` in the model file"
            )
        if window["positives"] in (0, window["rows"]):
            only = int(window["positives"] > 0)
            raise DataFailure(
                f"{examples.snapshot.root}: all {window['rows']} labels of the {span} are {only}, so there is nothing "
                "to tell apart; look at `label` in the model file, or widen the window"
            )
