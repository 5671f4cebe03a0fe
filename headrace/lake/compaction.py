"""Put many small files of a table together, in one commit that changes no row."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import pyarrow as pa

from headrace.failures import DataFailure
from headrace.fault_points import reached
from headrace.lake.data_files import ROW_GROUP_BYTES, TARGET_BYTES, Added, DataFileWriter
from headrace.lake.rewrite import replace_files, stored_rows
from headrace.lake.snapshot import DataFile, Snapshot, open_snapshot
from headrace.lake.tables import open_table, refuse_unknown_features

FEWEST = 4  # files that are worth a rewrite
_SORTED_BYTES = 256_000_000  # in memory, of rows that are sorted at once


class Compacted(NamedTuple):
    """What a compaction did to a table."""

    before: int  # files that were put together
    after: int  # files they became
    bytes: int  # of the files before


@dataclass(frozen=True)
class Together:
    """Which rows a table's files are to hold side by side."""

    order: str | None = None  # the column by which rows are sorted
    apart: dt.timedelta | None = None  # rows of different spans of this length, by when they were written, stay apart

    def place(self, file: DataFile) -> tuple[Any, ...]:
        """What files that may become one have in common."""
        partition = tuple(sorted((name, repr(value)) for name, value in file.partition.items()))
        return (partition, file.modified.timestamp() // self.apart.total_seconds() if self.apart else 0)

    def rank(self, file: DataFile) -> tuple[Any, ...]:
        """Where a file stands among those, which have no value of the column or a smallest one."""
        low = file.low.get(self.order) if self.order else None
        return (low is not None, low, file.name) if low is not None else (False, file.name)


def small_files(snapshot: Snapshot, how: Together, target: int = TARGET_BYTES) -> list[list[DataFile]]:
    """Runs of files that would fit into one of about `target` bytes, within a partition, in the order of a column.

    A file above three quarters of the target is left alone, and so is a run of few files.
    """
    small = [file for file in snapshot.files if file.size < target * 3 // 4]
    small.sort(key=lambda file: (how.place(file), how.rank(file)))
    runs: list[list[DataFile]] = []
    for _, files in groupby(small, key=how.place):
        run: list[DataFile] = []
        for file in files:
            if run and sum(f.size for f in run) + file.size > target:
                runs.append(run)
                run = []
            run.append(file)
        runs.append(run)
    return [run for run in runs if len(run) >= FEWEST]


def compact(root: str, how: Together, target: int = TARGET_BYTES) -> Compacted:
    """Rewrite runs of small files, in bounded memory; readers see the old files or the new.

    Safe beside a run that appends. Rows, and what incremental readers have seen, stay as they
    are. A new file is as old as the newest of those it is made of.

    Raises:
        Conflict: the files were replaced by another run in between; nothing was changed.
        DataFailure: a file is damaged, or the table has features we cannot keep.
    """
    table = open_table(root)
    refuse_unknown_features(root, table)
    snapshot = open_snapshot(root, table.version())
    runs = small_files(snapshot, how, target)
    if not runs:
        return Compacted(0, 0, 0)
    added = [_together(snapshot, run, how) for run in runs]
    old = [file for run in runs for file in run]
    reached("compaction")
    replace_files(root, old, added, "compaction", changes_data=False)
    return Compacted(len(old), len(added), sum(file.size for file in old))


def in_order(rows: Iterable[pa.RecordBatch], column: str, most_bytes: int = _SORTED_BYTES) -> Iterator[pa.RecordBatch]:
    """The rows sorted by a column, nulls last, as far as `most_bytes` reach; more of them in parts, each sorted.

    Where they come from files in the order of their smallest values, parts overlap no more than those files do.
    Rows of one value stay in the order in which they came.

    >>> [batch.to_pydict() for batch in in_order([pa.record_batch({"n": [3, 1]}), pa.record_batch({"n": [2]})], "n")]
    [{'n': [1, 2, 3]}]
    """
    held: list[pa.RecordBatch] = []
    for batch in rows:
        held.append(batch)
        if sum(one.nbytes for one in held) >= most_bytes:
            yield from _sorted(held, column)
            held = []
    if held:
        yield from _sorted(held, column)


def _sorted(rows: Sequence[pa.RecordBatch], column: str) -> Sequence[pa.RecordBatch]:
    found: Sequence[pa.RecordBatch] = pa.Table.from_batches(rows).sort_by(column).combine_chunks().to_batches()
    return found


def _together(snapshot: Snapshot, files: Sequence[DataFile], how: Together) -> Added:
    partition = files[0].partition
    rows = stored_rows(snapshot, files)
    if how.order is not None and how.order not in partition:
        rows = in_order(rows, how.order)
    with DataFileWriter(snapshot.root, snapshot.schema, partition=partition, row_group_bytes=ROW_GROUP_BYTES) as writer:
        for batch in rows:
            writer.write(batch)
        added = writer.close()
    expected = sum(file.rows for file in files)
    if added is None or added.rows != expected:
        raise DataFailure(
            f"{snapshot.root}: {expected:,} rows were to be put together, {added.rows if added else 0:,} arrived; "
            "nothing was changed. Run again; if it stays, report it"
        )
    return added._replace(modified=max(round(file.modified.timestamp() * 1000) for file in files))
