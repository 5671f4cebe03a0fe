"""Rows that others have added while keys were looked for: what of ours repeats them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from headrace import storage
from headrace.lake.before import Before, places_looked_at
from headrace.lake.data_set_tables import events_schema
from headrace.lake.reading import opened, read_group
from headrace.lake.repeats import KeyColumns, Keys, Places, find_repeats, keys_of, merged, old_keys
from headrace.lake.snapshot import DataFile, row_groups
from headrace.lake.written import Written
from headrace.rows.block import Origin
from headrace.spec.data_set import DataSet

_NONE = np.array([], np.int64)


class Rivals(NamedTuple):
    """What others have added to a table."""

    files: Sequence[DataFile]
    before: Before  # how its rows are looked through


def with_rivals(
    root: str, data: DataSet, written: Sequence[Written], gone: Mapping[Origin, Places], rivals: Rivals
) -> dict[Origin, Places]:
    """What of the rows to be committed repeats others, those of the rivals among them.

    Some 24 bytes a row in memory, of both.
    """
    key = KeyColumns(data.key)
    ours = (keys for file in written for keys in _ours(root, file, gone, key))
    more = merged(find_repeats([*_theirs(rivals, data, key), *ours]))
    return {at: np.union1d(gone.get(at, _NONE), more.get(at, _NONE)) for at in gone.keys() | more.keys()}


def _theirs(rivals: Rivals, data: DataSet, key: KeyColumns) -> Iterator[Keys]:
    columns = dict.fromkeys(filter(None, [*data.key, data.time]))
    read = pa.schema([events_schema(data).field(name) for name in columns])
    for group in row_groups(rivals.files):
        rows = read_group(group, read)
        yield from (keys for _, keys in old_keys(rows, places_looked_at(rows, data.time, rivals.before), key, group, 1))


def _ours(root: str, file: Written, gone: Mapping[Origin, Places], key: KeyColumns) -> Iterator[Keys]:
    """Of the rows that are left, of which none repeats another."""
    with opened(storage.join(root, file.added.name)) as stored:
        rows = pa.Table.from_batches(stored.iter_batches(columns=list(key.columns))).combine_chunks().to_batches()[0]
    start = 0
    for origin, count in file.rows:
        left = np.setdiff1d(np.arange(count), gone.get(origin, _NONE))
        for _, keys in keys_of(rows.slice(start, count).take(pa.array(left)), key, origin, 1):
            yield keys._replace(places=left[keys.places])
        start += count
