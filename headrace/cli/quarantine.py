"""Rows in quarantine, by reason, as they came."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from headrace.failures import DataFailure
from headrace.lake.layout import DataSetFolder
from headrace.lake.reading import read_group
from headrace.lake.settlements import Settled, settled, still_open
from headrace.lake.snapshot import Snapshot, open_snapshot, row_groups
from headrace.lake.tables import is_table
from headrace.nearest import nearest
from headrace.printable import printable
from headrace.rows.explain import explain
from headrace.spec.place import Place
from headrace.spec.project import load_data_set

_NO_BYTES = "(its bytes are not kept)"
_COLUMNS = ["_plan", "_file", "_offset", "reasons", "raw", "length", "replayable"]


@dataclass(frozen=True)
class Row:
    """One quarantined row."""

    plan: int | None  # None: a message of a topic
    file: str
    offset: int  # of its line in the file, bytes; of a message, its own
    reasons: tuple[str, ...]
    length: int  # bytes
    replayable: bool
    text: str  # its raw bytes, whole, with what cannot be printed as escapes


def reasons_of(config: str, place: Place) -> dict[str, tuple[int, str]]:
    """Every reason with the number of rows that still have it and what it means; a row counts once for each."""
    project, data = load_data_set(config)
    counts: Counter[str] = Counter()
    folder = DataSetFolder(place.roots.lake, project.name, data.dataset)
    snapshot, done = open_snapshot(folder.quarantine), _settled(folder)
    for group in row_groups(snapshot.files):
        rows = still_open(read_group(group, _columns(snapshot, "_plan", "_file", "_offset", "reasons")), done)
        reasons = rows.column("reasons").flatten()
        counts.update({str(count["values"]): count["counts"] for count in pc.value_counts(reasons).to_pylist()})
    return {reason: (rows, explain(reason, data)) for reason, rows in counts.most_common()}


def rows_of(config: str, place: Place, reason: str | None, most: int) -> Iterator[Row]:
    """The newest quarantined rows, those of one reason or all; holds one row group at a time.

    Raises:
        DataFailure: no row has that reason.
    """
    known = reasons_of(config, place)
    if reason is not None and reason not in known:
        raise DataFailure(f"no row of {config} is in quarantine for {reason}; {nearest(reason, known)}")
    project, data = load_data_set(config)
    folder = DataSetFolder(place.roots.lake, project.name, data.dataset)
    snapshot, done = open_snapshot(folder.quarantine), _settled(folder)
    left = most
    for group in row_groups(sorted(snapshot.files, key=lambda file: -file.high.get("_plan", 0))):
        if not left:
            return
        for row in _chosen(still_open(read_group(group, _columns(snapshot, *_COLUMNS)), done), reason, left):
            left -= 1
            yield row


def _columns(snapshot: Snapshot, *names: str) -> pa.Schema:
    return pa.schema([snapshot.schema.field(name) for name in names])


def _settled(folder: DataSetFolder) -> Settled:
    """What a replay has taken out of quarantine."""
    root = folder.settlements
    return settled(root, open_snapshot(root).version) if is_table(root) else {}


def _chosen(rows: pa.RecordBatch, reason: str | None, most: int) -> Iterator[Row]:
    if reason is not None:
        reasons = rows.column("reasons")
        has = pc.equal(reasons.flatten(), reason)
        parents = pc.list_parent_indices(reasons).filter(has)
        rows = rows.take(pc.unique(parents))
    for row in rows.slice(0, most).to_pylist():
        raw = row["raw"] or b""
        length = row["length"] if row["length"] is not None else len(raw)
        text = printable(raw.decode("utf-8", "backslashreplace")) if raw or not length else _NO_BYTES
        yield Row(row["_plan"], row["_file"], row["_offset"], tuple(row["reasons"]), length, row["replayable"], text)
