"""The as-of join: for each row the latest row of another table that was known at its time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.features.joined import with_columns
from headrace.features.key_index import Int64, KeyIndex

_NEVER = np.iinfo(np.int64).min  # a missing time of the left side: before everything
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class AsOfTable:
    """Rows of a side table, found by key and time. Picklable.

    A row counts from max(known, as_of) on. Among the rows that count at a time
    the one with the largest `as_of` is taken, though a row of an older `as_of`
    may have become known later; among equals the one known last (a correction
    replaces what it corrects), and then the greatest by the taken columns in
    their order (null is the greatest), so that the order of the table never
    matters.

    Memory: the taken columns, the distinct keys, and 32 bytes per row.
    """

    index: KeyIndex
    taken: pa.RecordBatch
    moments: Int64  # the distinct times from which a row counts, rising
    places: Int64  # key number and place in `moments` as one number, rising: where a search lands
    best: Int64  # for each of `places` the row of `taken` that is the latest there
    as_of: Int64  # of each row of `taken`
    never: int  # rows left out: a null in the key, as_of or known

    @classmethod
    def build(
        cls,
        rows: pa.RecordBatch,
        keys: Sequence[str],
        as_of: str,
        known: pa.Array,
        take: Sequence[str],
    ) -> Self:
        """The table by `keys` and `as_of`; `known[i]` says when row i became known, null for never."""
        batch = rows.select(list(dict.fromkeys((*keys, as_of, *take))))
        index, numbers = KeyIndex.build(batch.select(list(keys)))
        used = np.flatnonzero((numbers >= 0) & _there(batch.column(as_of)) & _there(known))
        chosen = pa.array(used, pa.int64())
        taken = batch.select(list(take)).take(chosen)
        numbers, times, seen = (
            numbers[used],
            _microseconds(batch.column(as_of).take(chosen)),
            _microseconds(known.take(chosen)),
        )

        # Rank of every row among all by (as_of, known, values): the later of two rows has the higher rank.
        latest = np.lexsort((_by_values(taken), seen, times))
        rank = np.empty(len(used), np.int64)
        rank[latest] = np.arange(len(used))

        moments, place = np.unique(np.maximum(times, seen), return_inverse=True)
        places = numbers * (len(moments) + 1) + place + 1
        order = np.argsort(places, kind="stable")
        # Keys rise along `order`, so adding key times rows keeps the running maximum of one key from the next.
        offset = numbers[order] * len(used)
        best = latest[np.maximum.accumulate(rank[order] + offset) - offset] if len(used) else rank
        return cls(index, taken, moments, places[order], best, times, len(batch) - len(used))

    def join(
        self, rows: pa.RecordBatch, on: Sequence[str], at: pa.Array, tolerance: timedelta | None, prefix: str
    ) -> pa.RecordBatch:
        """The rows with a column `<prefix>__<column>` for each taken one, as known at `at[i]`.

        Null where no row of the key was known, where it is older than the
        tolerance (`at - as_of > tolerance`), and where the key or `at` is null.

        >>> from datetime import UTC, datetime
        >>> hours = [datetime(2013, 1, 1, hour, tzinfo=UTC) for hour in range(5)]
        >>> side = pa.record_batch({"origin": ["JFK", "JFK"], "hour": hours[:2], "temp": [3.0, 4.5]})
        >>> table = AsOfTable.build(side, ["origin"], "hour", side["hour"], ["temp"])
        >>> rows = pa.record_batch({"origin": ["JFK", "JFK", "LGA"]})
        >>> at = pa.array([hours[0], hours[4], hours[4]])
        >>> table.join(rows, ["origin"], at, None, "weather").column("weather__temp").to_pylist()
        [3.0, 4.5, None]
        """
        numbers = self.index.find(rows, on)
        times = np.where(_there(at), _microseconds(at), _NEVER)
        wanted = numbers * (len(self.moments) + 1) + np.searchsorted(self.moments, times, side="right")
        landed = np.searchsorted(self.places, wanted, side="right") - 1
        if not len(self.places):
            return with_columns(rows, prefix, self.taken, np.full(rows.num_rows, -1, np.int64))
        same_key = (landed >= 0) & (numbers >= 0) & (self.places[landed] > numbers * (len(self.moments) + 1))
        found = np.where(same_key, self.best[landed], -1)
        if tolerance is not None:
            fresh = times - self.as_of[found] <= tolerance // _MICROSECOND
            found = np.where(fresh, found, -1)
        return with_columns(rows, prefix, self.taken, found)


def _there(times: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    valid: np.ndarray[tuple[int], np.dtype[np.bool_]] = pc.is_valid(times).to_numpy(zero_copy_only=False)
    return valid


def _microseconds(times: pa.Array) -> Int64:
    """Timestamps as int64 µs since 1970; a null as 0."""
    whole = times.cast(pa.timestamp("us", times.type.tz), safe=False).cast(pa.int64())
    numbers: Int64 = pc.fill_null(whole, 0).to_numpy(zero_copy_only=False)
    return numbers


def _by_values(rows: pa.RecordBatch) -> Int64:
    """The rank of each row by its values, column after column."""
    rank = np.empty(rows.num_rows, np.int64)
    if rows.num_columns:
        keys = [(name, "ascending") for name in rows.schema.names]
        rank[pc.sort_indices(rows, sort_keys=keys).to_numpy()] = np.arange(rows.num_rows)
    return rank
