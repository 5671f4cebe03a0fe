"""Which rows repeat the key of a row that came before them.

Hashes of keys travel, never rows: 128 bits and a place for each row. A row that the table
holds came before every row of a plan; within a plan, the order is that of files and lines.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace.lake.ranks import ranks
from headrace.lake.settlements import by_file
from headrace.lake.snapshot import RowGroup
from headrace.rows.block import Origin
from headrace.rows.key_hash import UInt64, wide_hash

Places = NDArray[np.int64]

_BUCKET_ROWS = 1_000_000  # aim: some 40 MB while a bucket is looked through
_MOST_BUCKETS = 4096


class Came(NamedTuple):
    """When rows came that stand elsewhere now."""

    turn: tuple[bool, int, str]  # the plans in their order, then topics; of a plan, the files
    offsets: Places


class Keys(NamedTuple):
    """The hashes of some rows of one block, or of one row group of the table.

    Of rows that the table holds the origin is None, unless they may be replaced: then it is
    the data file's path and the number of the row group.
    """

    origin: Origin | None
    high: UInt64
    low: UInt64
    places: Places  # of the rows among the accepted rows of their block, or those of the row group
    rank: NDArray[np.int64] | None = None  # the greatest of a key stays; None: the first
    old: bool = False  # of the table
    came: Came | None = None  # where their turn is another one than their origin's

    @property
    def turn(self) -> tuple[bool, tuple[Any, ...]]:
        """The order in which rows come: those of the table first."""
        return not self.old, self.came.turn if self.came else self.origin or ("", 0, 0)


class Repeats(NamedTuple):
    """The rows of one block that repeat a key; or those of one row group of the table that are replaced."""

    origin: Origin
    places: Places  # ascending
    old: bool = False  # of the table


def buckets_for(rows: int) -> int:
    """Into how many parts the hashes of so many rows are divided.

    >>> buckets_for(0), buckets_for(2_500_000)
    (1, 3)
    """
    return min(max(1, -(-rows // _BUCKET_ROWS)), _MOST_BUCKETS)


class KeyColumns(NamedTuple):
    """What a data set says of its key."""

    columns: tuple[str, ...]
    latest_by: str | None = None  # of the rows of a key, the one with the greatest value of it stays; None: the first


def keys_of(rows: pa.RecordBatch, key: KeyColumns, origin: Origin | None, buckets: int) -> Iterator[tuple[int, Keys]]:
    """The hashes of a block's rows, by the bucket they fall into."""
    return _by_bucket(_hashed(rows, key, origin, np.arange(rows.num_rows), old=origin is None), buckets)


def keys_as_they_came(
    rows: pa.RecordBatch, key: KeyColumns, origin: Origin | None, buckets: int
) -> Iterator[tuple[int, Keys]]:
    """The same of rows that stand elsewhere now: their turn is that of the plan, file and line they came with."""
    offsets = rows.column("_offset").to_numpy()
    for (plan, file), at in by_file(rows):
        for bucket, keys in keys_of(rows.take(pa.array(at)), key, origin, buckets):
            places = at[keys.places]
            yield bucket, keys._replace(places=places, came=Came((plan is None, plan or 0, file), offsets[places]))


def old_keys(
    rows: pa.RecordBatch, places: Places, key: KeyColumns, group: RowGroup, buckets: int
) -> Iterator[tuple[int, Keys]]:
    """The hashes of the rows at these places of a row group of the table, by the bucket they fall into."""
    origin = Origin(group.path, group.number, group.number + 1) if key.latest_by else None
    return _by_bucket(_hashed(rows.take(pa.array(places)), key, origin, places, old=True), buckets)


def _hashed(rows: pa.RecordBatch, key: KeyColumns, origin: Origin | None, places: Places, *, old: bool) -> Keys:
    rank = ranks(rows.column(key.latest_by)) if key.latest_by else None
    return Keys(origin, *wide_hash(rows, key.columns), places, rank, old)


def _by_bucket(keys: Keys, buckets: int) -> Iterator[tuple[int, Keys]]:
    origin, high, low, places, rank, old, _ = keys
    bucket = (high >> np.uint64(32)) * np.uint64(buckets) >> np.uint64(32)
    order = np.argsort(bucket, kind="stable")
    ends = np.searchsorted(bucket[order], np.arange(buckets, dtype=np.uint64), side="right")
    start = 0
    for number, end in enumerate(ends.tolist()):
        if end > start:
            chosen = order[start:end]
            ranked = None if rank is None else rank[chosen]
            yield number, Keys(origin, high[chosen], low[chosen], places[chosen], ranked, old)
        start = end


def find_repeats(keys: Iterable[Keys]) -> list[Repeats]:
    """The rows of a bucket that do not stay, as another row has their key, block by block.

    The one that stays is the first, or the first of those with the greatest rank.

    >>> one = pa.record_batch({"id": [7, 8, 7], "at": [1, 1, 2]})
    >>> (_, keys), = keys_of(one, KeyColumns(("id",)), Origin("a.csv", 0, 6), 1)
    >>> (_, ranked), = keys_of(one, KeyColumns(("id",), "at"), Origin("a.csv", 0, 6), 1)
    >>> [[repeat.places.tolist() for repeat in find_repeats([part])] for part in (keys, ranked)]
    [[[2]], [[0]]]
    """
    parts = sorted(keys, key=lambda part: part.turn)
    if not any(part.turn[0] for part in parts):
        return []  # all are of the table
    high = np.concatenate([part.high for part in parts])
    low = np.concatenate([part.low for part in parts])
    part = np.repeat(np.arange(len(parts)), [len(part.high) for part in parts])
    place = np.concatenate([part.places for part in parts])
    rank = [part.rank for part in parts if part.rank is not None]
    if any(part.came for part in parts):
        came = _as_they_came(parts)
        high, low, part, place = high[came], low[came], part[came], place[came]
        rank = [np.concatenate(rank)[came]] if rank else []
    order = np.argsort(high, kind="stable")  # rows of one hash stay in the order in which they came
    same = high[order][1:] == high[order][:-1]
    if rank and same.any():
        order = np.lexsort((~np.concatenate(rank), low, high))  # the greatest first
        same = high[order][1:] == high[order][:-1]
    elif (low[order][1:] != low[order][:-1])[same].any():  # half of the hash is not enough, once in 10^19 pairs
        order = np.lexsort((low, high))
        same = high[order][1:] == high[order][:-1]
    repeated = order[1:][same & (low[order][1:] == low[order][:-1])]
    found: list[Repeats] = []
    for number in np.unique(part[repeated]).tolist():
        origin = parts[number].origin
        if origin is not None:
            found.append(Repeats(origin, np.sort(place[repeated[part[repeated] == number]]), parts[number].old))
    return found


def _as_they_came(parts: Sequence[Keys]) -> Places:
    """The order of all rows, where several parts may have rows of one file."""
    turns = np.cumsum([n > 0 and parts[n].turn != parts[n - 1].turn for n in range(len(parts))])
    turn = np.repeat(turns, [len(part.high) for part in parts])
    return np.lexsort((np.concatenate([part.came.offsets if part.came else part.places for part in parts]), turn))


def merged(parts: Iterable[Repeats]) -> dict[Origin, Places]:
    """The repeats of each block, or of each row group, from all buckets."""
    found: dict[Origin, list[Places]] = {}
    for repeats in parts:
        found.setdefault(repeats.origin, []).append(repeats.places)
    return {origin: np.sort(np.concatenate(places)) for origin, places in found.items()}
