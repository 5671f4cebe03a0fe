"""Which rows repeat the key of a row that came before them.

Hashes of keys travel, never rows: 128 bits and a place for each row. A row that the table
holds came before every row of a plan; within a plan, the order is that of files and lines.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace.rows.block import Origin
from headrace.rows.key_hash import UInt64, wide_hash

Places = NDArray[np.int64]

_BUCKET_ROWS = 1_000_000  # aim: some 40 MB while a bucket is looked through
_MOST_BUCKETS = 4096


class Keys(NamedTuple):
    """The hashes of some rows of one block; `origin` is None for rows that the table holds."""

    origin: Origin | None
    high: UInt64
    low: UInt64
    places: Places  # of the rows among the accepted rows of their block


class Repeats(NamedTuple):
    """The rows of one block that repeat a key."""

    origin: Origin
    places: Places  # ascending


def buckets_for(rows: int) -> int:
    """Into how many parts the hashes of so many rows are divided.

    >>> buckets_for(0), buckets_for(2_500_000)
    (1, 3)
    """
    return min(max(1, -(-rows // _BUCKET_ROWS)), _MOST_BUCKETS)


def keys_of(
    rows: pa.RecordBatch, key: Sequence[str], origin: Origin | None, buckets: int
) -> Iterator[tuple[int, Keys]]:
    """The hashes of a block's rows, by the bucket they fall into."""
    high, low = wide_hash(rows, key)
    bucket = (high >> np.uint64(32)) * np.uint64(buckets) >> np.uint64(32)
    order = np.argsort(bucket, kind="stable")
    ends = np.searchsorted(bucket[order], np.arange(buckets, dtype=np.uint64), side="right")
    start = 0
    for number, end in enumerate(ends.tolist()):
        if end > start:
            chosen = order[start:end]
            yield number, Keys(origin, high[chosen], low[chosen], chosen.astype(np.int64))
        start = end


def find_repeats(keys: Iterable[Keys]) -> list[Repeats]:
    """The rows of a bucket whose key a row before them has, block by block.

    >>> one = pa.record_batch({"id": [7, 8, 7]})
    >>> (_, keys), = keys_of(one, ["id"], Origin("a.csv", 0, 6), 1)
    >>> [repeat.places.tolist() for repeat in find_repeats([keys])]
    [[2]]
    """
    parts = sorted(keys, key=lambda part: (part.origin is not None, part.origin or ("", 0, 0)))
    if not any(part.origin for part in parts):
        return []
    high = np.concatenate([part.high for part in parts])
    low = np.concatenate([part.low for part in parts])
    part = np.repeat(np.arange(len(parts)), [len(part.high) for part in parts])
    place = np.concatenate([part.places for part in parts])
    order = np.argsort(high, kind="stable")  # rows of one hash stay in the order in which they came
    same = high[order][1:] == high[order][:-1]
    if (low[order][1:] != low[order][:-1])[same].any():  # half of the hash is not enough, once in 10^19 pairs
        order = np.lexsort((low, high))
        same = high[order][1:] == high[order][:-1]
    repeated = order[1:][same & (low[order][1:] == low[order][:-1])]
    found: list[Repeats] = []
    for number in np.unique(part[repeated]).tolist():
        origin = parts[number].origin
        if origin is not None:
            found.append(Repeats(origin, np.sort(place[repeated[part[repeated] == number]])))
    return found


def merged(parts: Iterable[Repeats]) -> dict[Origin, Places]:
    """The repeats of each block, from all buckets."""
    found: dict[Origin, list[Places]] = {}
    for repeats in parts:
        found.setdefault(repeats.origin, []).append(repeats.places)
    return {origin: np.sort(np.concatenate(places)) for origin, places in found.items()}
