"""Data files without the rows that later ones replace, written before anything is committed."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from headrace import storage
from headrace.failures import DataFailure
from headrace.lake.data_files import ROW_GROUP_BYTES, Added, DataFileWriter
from headrace.lake.reading import opened
from headrace.lake.repeats import Places, Repeats, merged
from headrace.lake.snapshot import DataFile, Snapshot


class Replaced(NamedTuple):
    """What a commit takes out of a table, and puts into it instead."""

    removes: tuple[DataFile, ...] = ()
    adds: tuple[Added, ...] = ()
    rows: int = 0  # that are in none of them any more


def without_replaced(snapshot: Snapshot, repeats: Iterable[Repeats]) -> Replaced:
    """New files in the place of those that hold a row of `repeats`; holds one row group at a time.

    Raises:
        DataFailure: a file is damaged, or rows were lost on the way.
    """
    gone: dict[str, dict[int, Places]] = {}
    for origin, places in merged(repeats).items():
        gone.setdefault(origin.file, {})[origin.start] = places
    old = tuple(file for file in snapshot.files if storage.absolute(file.path) in gone)
    if len(old) < len(gone):
        raise DataFailure(f"{snapshot.root}: files that hold replaced rows are not in version {snapshot.version}")
    new = [added for file in old for added in _rewritten(snapshot.root, file, gone[storage.absolute(file.path)])]
    return Replaced(old, tuple(new), sum(len(places) for groups in gone.values() for places in groups.values()))


def _rewritten(root: str, file: DataFile, gone: dict[int, Places]) -> Iterator[Added]:
    left = file.rows - sum(map(len, gone.values()))
    if not left:
        return
    with (
        opened(file.path) as old,
        DataFileWriter(root, old.schema_arrow, partition=file.partition, row_group_bytes=ROW_GROUP_BYTES) as new,
    ):
        for number in range(old.num_row_groups):
            rows = old.read_row_group(number, use_threads=False)
            keep = np.ones(rows.num_rows, np.bool_)
            keep[gone.get(number, np.array([], np.int64))] = False
            for batch in rows.filter(pa.array(keep)).to_batches():
                new.write(batch)
        added = new.close()
    if added is None or added.rows != left:
        raise DataFailure(
            f"{file.path}: {left:,} rows were to stay, {added.rows if added else 0:,} arrived; nothing was committed. "
            "Run again; if it stays, report it"
        )
    yield added
