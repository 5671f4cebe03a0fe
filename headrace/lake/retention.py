"""Take the raw bytes of old rows out of quarantine; the rows stay."""

import datetime as dt
from collections.abc import Iterable

import pyarrow as pa

from headrace.failures import DataFailure
from headrace.fault_points import reached
from headrace.lake.data_files import ROW_GROUP_BYTES, Added, DataFileWriter
from headrace.lake.rewrite import replace_files, stored_rows
from headrace.lake.snapshot import DataFile, Snapshot, open_snapshot
from headrace.lake.tables import open_table, refuse_unknown_features

APART = 10
"""Files of quarantine are put together within this part of the retention, so bytes go that much later at most."""

_BYTES = ("raw", "key")  # of a row, and of the message it came in


def past_retention(snapshot: Snapshot, kept: dt.timedelta, now: dt.datetime) -> list[DataFile]:
    """The files whose rows are all older than that, and of which some still have their bytes."""
    oldest = now - min(kept, now - dt.datetime.min.replace(tzinfo=dt.UTC))
    return [file for file in snapshot.files if file.modified < oldest and rows_with_bytes([file])]


def rows_with_bytes(files: Iterable[DataFile]) -> int:
    """How many rows still have their bytes."""
    return sum(file.rows - min(file.nulls.get(name, file.rows) for name in _BYTES) for file in files)


def forget_bytes(root: str, kept: dt.timedelta, now: dt.datetime) -> int:
    """Older rows of quarantine have no raw bytes afterwards, and are not replayable; returns how many had some.

    Their file, offset, length and reasons stay, so every account still adds up. It is one
    commit: safe beside a run that appends, and nothing where it is killed before. Versions
    before it, which an open replay may read, still have the bytes, until their files are
    removed as orphans.

    Raises:
        Conflict: the files were replaced by another run in between; nothing was changed.
        DataFailure: a file is damaged, or the table has features we cannot keep.
    """
    table = open_table(root)
    snapshot = open_snapshot(root, table.version())
    old = past_retention(snapshot, kept, now)
    if old:
        refuse_unknown_features(root, table)
        new = [_without_bytes(snapshot, file) for file in old]
        reached("retention")
        replace_files(root, old, new, "retention", changes_data=True)
    return rows_with_bytes(old)


def _without_bytes(snapshot: Snapshot, file: DataFile) -> Added:
    with DataFileWriter(snapshot.root, snapshot.schema, row_group_bytes=ROW_GROUP_BYTES) as writer:
        for rows in stored_rows(snapshot, [file]):
            writer.write(_emptied(rows))
        added = writer.close()
    if added is None or added.rows != file.rows:
        raise DataFailure(
            f"{file.path}: {file.rows:,} rows were to be kept, {added.rows if added else 0:,} arrived; nothing was "
            "changed. Run again; if it stays, report it"
        )
    return added._replace(modified=round(file.modified.timestamp() * 1000))


def _emptied(rows: pa.RecordBatch) -> pa.RecordBatch:
    count, columns = rows.num_rows, dict(zip(rows.schema.names, rows.columns, strict=True))
    columns |= {name: pa.nulls(count, pa.binary()) for name in _BYTES if name in columns}
    columns["replayable"] = pa.repeat(pa.scalar(False), count)
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=rows.schema)
