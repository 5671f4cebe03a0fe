"""Put many small files of a table together, in one commit that changes no row."""

import random
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import pyarrow as pa
from deltalake import CommitProperties, PostCommitHookProperties
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from headrace.failures import Conflict, DataFailure, reaching
from headrace.fault_points import reached
from headrace.lake.data_files import ROW_GROUP_BYTES, TARGET_BYTES, Added, DataFileWriter
from headrace.lake.reading import read_group
from headrace.lake.snapshot import DataFile, Snapshot, open_snapshot, row_groups
from headrace.lake.tables import open_table, refuse_unknown_features

FEWEST = 4  # files that are worth a rewrite
_ATTEMPTS = 8


class Compacted(NamedTuple):
    """What a compaction did to a table."""

    before: int  # files that were put together
    after: int  # files they became
    bytes: int  # of the files before


def small_files(snapshot: Snapshot, order: str | None, target: int = TARGET_BYTES) -> list[list[DataFile]]:
    """Runs of files that would fit into one of about `target` bytes, within a partition, in the order of a column.

    A file above three quarters of the target is left alone, and so is a run of few files,
    and a partition of other values than texts.
    """
    small = [file for file in snapshot.files if file.size < target * 3 // 4 and _of_texts(file)]
    small.sort(key=lambda file: (_partition(file), str(file.low.get(order or "", "")), file.name))
    runs: list[list[DataFile]] = []
    for _, files in groupby(small, key=_partition):
        run: list[DataFile] = []
        for file in files:
            if run and sum(f.size for f in run) + file.size > target:
                runs.append(run)
                run = []
            run.append(file)
        runs.append(run)
    return [run for run in runs if len(run) >= FEWEST]


def compact(root: str, order: str | None = None, target: int = TARGET_BYTES) -> Compacted:
    """Rewrite runs of small files, holding one row group at a time; readers see the old files or the new.

    Safe beside a run that appends. Rows, and what incremental readers have seen, stay as they are.

    Raises:
        Conflict: the files were replaced by another run in between; nothing was changed.
        DataFailure: a file is damaged, or the table has features we cannot keep.
    """
    table = open_table(root)
    refuse_unknown_features(root, table)
    snapshot = open_snapshot(root, table.version())
    runs = small_files(snapshot, order, target)
    if not runs:
        return Compacted(0, 0, 0)
    added = [_together(snapshot, run) for run in runs]
    old = [file for run in runs for file in run]
    now = time.time_ns() // 1_000_000
    actions: list[AddAction | RemoveAction] = [
        *(RemoveAction(file.name, False, now, file.size, file.partition) for file in old),
        *(AddAction(a.name, a.size, a.partition, a.modified, False, a.stats) for a in added),
    ]
    reached("compaction")
    _commit(root, actions, {file.name for file in old})
    return Compacted(len(old), len(added), sum(file.size for file in old))


def _commit(root: str, actions: list[AddAction | RemoveAction], old: set[str]) -> None:
    """Change the files in one commit, as long as every old one is still there: nobody else may have replaced it."""
    for attempt in range(_ATTEMPTS):
        table = open_table(root)
        if gone := old - {file.name for file in open_snapshot(root, table.version()).files}:
            raise Conflict(f"{root}: {len(gone)} files were changed while they were put together; run again")
        try:
            with reaching(root):
                table.create_write_transaction(
                    actions,
                    mode="append",
                    schema=table.schema(),
                    partition_by=table.metadata().partition_columns or None,
                    # A retry must look for the old files again, so it is ours to make.
                    commit_properties=CommitProperties(custom_metadata={"isBlindAppend": False}, max_commit_retries=0),
                    post_commithook_properties=PostCommitHookProperties(
                        create_checkpoint=True, cleanup_expired_logs=False
                    ),
                )
        except DeltaError as failure:
            last = failure
            time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  # jitter, not secrecy
        else:
            return
    raise Conflict(f"{root}: rivals won {_ATTEMPTS} times in a row, last: {last}; run again") from last


def _together(snapshot: Snapshot, files: Sequence[DataFile]) -> Added:
    partition = files[0].partition
    with DataFileWriter(snapshot.root, snapshot.schema, partition=partition, row_group_bytes=ROW_GROUP_BYTES) as writer:
        for rows in _rows(snapshot, files):
            writer.write(rows)
        added = writer.close()
    expected = sum(file.rows for file in files)
    if added is None or added.rows != expected:
        raise DataFailure(
            f"{snapshot.root}: {expected:,} rows were to be put together, {added.rows if added else 0:,} arrived; "
            "nothing was changed. Run again; if it stays, report it"
        )
    return added


def _rows(snapshot: Snapshot, files: Sequence[DataFile]) -> Iterator[pa.RecordBatch]:
    partitioned = files[0].partition.keys()
    schema = snapshot.schema
    for name in partitioned:
        schema = schema.remove(schema.get_field_index(name))
    return (read_group(group, schema) for group in row_groups(files))


def _partition(file: DataFile) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, repr(value)) for name, value in file.partition.items()))


def _of_texts(file: DataFile) -> bool:
    return all(value is None or isinstance(value, str) for value in file.partition.values())
