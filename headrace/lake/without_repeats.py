"""Data files without the rows that repeat a key, written before anything is committed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from headrace import storage
from headrace.lake.data_files import ROW_GROUP_BYTES, DataFileWriter
from headrace.lake.reading import opened
from headrace.lake.repeats import Places
from headrace.lake.written import Written
from headrace.rows.block import Origin


def without_repeats(root: str, written: Sequence[Written], repeats: Mapping[Origin, Places]) -> list[Written]:
    """The same files where they hold no repeat, new ones in the place of those that do.

    Holds one row group at a time. A file of which nothing is left is left out; what it
    replaces stays behind as an orphan that no commit names.
    """
    kept: list[Written] = []
    for file in written:
        kept += _rewritten(root, file, repeats) if any(origin in repeats for origin, _ in file.rows) else [file]
    return kept


def rows_at(
    root: str, written: Sequence[Written], places: Mapping[Origin, Places], columns: Sequence[str], most: int
) -> Iterator[tuple[Origin, dict[str, Any]]]:
    """Some columns of the first rows at these places, with the block each came in."""
    for file in written:
        start = 0
        for origin, rows in file.rows:
            wanted = places.get(origin, np.array([], np.int64))[:most]
            if len(wanted):
                with opened(storage.join(root, file.added.name)) as stored:
                    found = stored.read(columns=list(columns)).take(pa.array(start + wanted)).to_pylist()
                yield from ((origin, row) for row in found)
                most -= len(found)
            start += rows
            if most <= 0:
                return


def _rewritten(root: str, file: Written, repeats: Mapping[Origin, Places]) -> Iterator[Written]:
    keep = np.ones(file.added.rows, np.bool_)
    left = []
    start = 0
    for origin, rows in file.rows:
        gone = repeats.get(origin, np.array([], np.int64))
        keep[start + gone] = False
        if rows > len(gone):
            left.append((origin, rows - len(gone)))
        start += rows
    if not left:
        return
    with (
        opened(storage.join(root, file.added.name)) as old,
        DataFileWriter(root, old.schema_arrow, row_group_bytes=ROW_GROUP_BYTES) as new,
    ):
        start = 0
        for batch in old.iter_batches():
            new.write(batch.filter(pa.array(keep[start : start + batch.num_rows])))
            start += batch.num_rows
        added = new.close()
    assert added is not None  # rows are left
    yield Written(added, tuple(left))
