"""How the frozen training set of a model is laid out, and its row groups in an order no layout can change.

An example is a feature row whose label is known, inside one of the split's windows.
Files hold one window and one range of hashes, sorted by hash, then key; how many
there are depends on the number of feature rows in the window alone. So the row
groups, taken in order of window, lowest hash and number, hold the same rows for the
same input, whatever the files are called and however the input was laid out.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from headrace.lake.snapshot import DataFile, RowGroup, Snapshot, row_groups

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


def bucket(hashes: npt.NDArray[np.uint64], buckets: int | npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """The equal range of the hash space each hash falls into.

    >>> bucket(np.array([0, 2**63, 2**64 - 1], np.uint64), 4).tolist()
    [0, 2, 3]
    """
    return ((hashes >> np.uint64(32)) * np.asarray(buckets, np.uint64) >> np.uint64(32)).astype(np.int64)


def window_groups(examples: Snapshot) -> Mapping[str, tuple[RowGroup, ...]]:
    """The row groups of each window, ordered by content: lowest hash of the file, then number."""
    found: dict[str, list[DataFile]] = {window: [] for window in WINDOWS}
    for file in examples.files:
        found[str(file.partition[WINDOW])].append(file)
    return {window: row_groups(sorted(files, key=lambda file: int(file.low[HASH]))) for window, files in found.items()}
