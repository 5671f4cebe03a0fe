"""The keys of the newest rows of a table, in which the rows of a stream are looked up before they are committed.

Some 24 bytes a row, twice as many while runs of rows are put together, and 90 for each row of
the commit itself. The table is the source of truth: whoever begins reads the keys back from it,
and takes in what others commit.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from headrace import storage
from headrace.failures import DataFailure
from headrace.lake.changes import added_between
from headrace.lake.ranks import ranks
from headrace.lake.reading import opened, read_group
from headrace.lake.repeats import Places, Repeats
from headrace.lake.snapshot import DataFile, RowGroup, open_snapshot, row_groups, row_groups_since
from headrace.lake.tables import open_table
from headrace.rows.key_hash import UInt64, wide_hash
from headrace.spec.data_set import DataSet
from headrace.spec.values import duration_text

ROW_BYTES = 24
_LATEST_ROW_BYTES = 100  # about, while all rows of the table are looked at
_ROOMY = 100_000_000  # bytes; keys are not forgotten for less
STREAM_WITHIN = timedelta(hours=1)
"""How far a stream looks for repeats where the data set does not say."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
NULL_TIME = int(np.iinfo(np.int64).min)
"""The time of a row that has none: it was written by others, or before the column was declared."""


@dataclass(frozen=True)
class StreamKey:
    """How rows of a stream that repeat a key are looked for, and what is done about them."""

    columns: tuple[str, ...]
    time: str
    within: timedelta  # a row repeats another one that is at most so far from it in event time
    refuse: bool  # a repeat stops the run; else it is left out and counted
    most_bytes: int  # of the keys in memory
    lateness: timedelta = timedelta(0)  # how much older than the newest row one may still come
    latest_by: str | None = None  # of the rows of a key, wherever they stand, the one with the greatest value stays

    @classmethod
    def of(cls, data: DataSet) -> Self | None:
        """Of a data set whose rows come from a topic; None where it has no key."""
        if not data.key or data.time is None:
            return None
        within = STREAM_WITHIN if data.dedupe.within is None else data.dedupe.within
        refuse = data.on_repeat == "refuse"
        return cls(data.key, data.time, within, refuse, data.dedupe.max_bytes, data.lateness, data.latest_by)

    @property
    def told(self) -> str:
        """As an account says it."""
        within = f"latest by {self.latest_by}" if self.latest_by else f"within {duration_text(self.within)}"
        return f"looked for by key, {within}"

    @property
    def row_bytes(self) -> int:
        """What a row of the table takes in memory, about."""
        return _LATEST_ROW_BYTES if self.latest_by else ROW_BYTES

    def schema(self, table: pa.Schema) -> pa.Schema:
        """The columns that are looked at."""
        names = dict.fromkeys(filter(None, [*self.columns, self.time, self.latest_by]))
        return pa.schema([table.field(name) for name in names])


class RowKeys(NamedTuple):
    """The hashes of some rows, their event times in µs since the epoch, and how late each is where that decides."""

    high: UInt64
    low: UInt64
    time: NDArray[np.int64]
    rank: NDArray[np.int64] | None = None

    def at(self, places: Places) -> "RowKeys":
        """Those of some rows."""
        rank = None if self.rank is None else self.rank[places]
        return RowKeys(self.high[places], self.low[places], self.time[places], rank)

    def without(self, places: Places) -> "RowKeys":
        """Those of all other rows."""
        return self.at(np.setdiff1d(np.arange(len(self.high)), places)) if len(places) else self


class Verdict(NamedTuple):
    """Which rows do not stay."""

    repeats: list[Places]  # of each file that is to be committed
    replaced: Sequence[Repeats] = ()  # of the table


_NONE = RowKeys(np.array([], np.uint64), np.array([], np.uint64), np.array([], np.int64))


class KeyWindow:
    """Tells which rows repeat the key of one that the table has, or of one before them, close to them in time.

    A row repeats another one if their keys are equal and their event times at most `within`
    apart, so the verdict does not depend on how rows were put into commits. Remembered are
    all rows that a row can still be close to, which comes at most `lateness` after newer ones,
    and many more where these are few, as partitions may be read unevenly.

    For one thread at a time, which holds the lock.
    """

    def __init__(self, root: str, key: StreamKey) -> None:
        self._root = root
        self.key = key
        self.lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        """As before anything was read."""
        self._version: int | None = None
        self._newest = NULL_TIME
        self._runs: list[RowKeys] = []  # each in the order of `high`, every one at least twice as long as the next
        self._forget_at = _ROOMY  # bytes

    def catch_up(self) -> int:
        """Take in what the table holds now; returns its version.

        Raises:
            DataFailure: the keys of the window take more memory than they may.
        """
        now = open_table(self._root).version()
        if self._version is None or now > self._version:
            snapshot = open_snapshot(self._root, now)
            try:
                files = snapshot.files if self._version is None else added_between(self._root, self._version, now)
            except DataFailure:  # rows were deleted or changed, or the log is gone: what is there now is the truth
                self._begin()
                files = snapshot.files
            self._take_in(files, snapshot.schema)
        self._version = now
        return now

    def keys(self, name: str) -> RowKeys:
        """Of the rows of one file under the table's root, in their order."""
        return keys_of_file(storage.join(self._root, name), self.key)

    def verdict(self, files: Sequence[RowKeys]) -> Verdict:
        """The places of repeats in each of these files, which would be committed in this order."""
        rows = joined(files)
        there = self._there(rows)
        fresh = np.flatnonzero(~there)
        there[fresh[close_repeats(rows.at(fresh), self._within)]] = True
        ends = np.cumsum([len(file.high) for file in files])[:-1]
        return Verdict([np.flatnonzero(part) for part in np.split(there, ends)] if files else [])

    def committed(self, version: int, rows: RowKeys) -> None:
        """Take in the rows that the caller has committed as this version.

        Raises:
            DataFailure: the keys of the window take more memory than they may.
        """
        if version == (self._version or 0) + 1:  # else others have committed too, and all of it is read back
            self._add(rows)
            self._version = version

    @property
    def _within(self) -> int:
        return self.key.within // _MICROSECOND

    def _take_in(self, files: Sequence[DataFile], schema: pa.Schema) -> None:
        time = self.key.time
        self._newest = max([self._newest, *(_micros(file.high[time]) for file in files if time in file.high)])
        left = _ROOMY // ROW_BYTES
        for file in sorted(files, key=lambda file: -_newest(file, time)):  # while there is room, also older ones
            for group in _groups([file], self.key, remembered_since(self._newest, self.key) if left <= 0 else None):
                left -= group.rows
                self._add(_of_group(group, self.key, schema))

    def _there(self, keys: RowKeys) -> NDArray[np.bool_]:
        order = np.argsort(keys.high, kind="stable")  # a search in order finds the next place near the last one
        high, low, time = keys.high[order], keys.low[order], keys.time[order]
        found = np.zeros(len(high), np.bool_)
        for run in self._runs:
            at = np.searchsorted(run.high, high)
            left = np.flatnonzero(at < len(run.high))
            while len(left := left[run.high[at[left]] == high[left]]):
                close = _close(run.time[at[left]], time[left], self._within)
                found[left] |= (run.low[at[left]] == low[left]) & close
                left = left[~found[left]]
                at[left] += 1  # the same key may be there twice, at other times
                left = left[at[left] < len(run.high)]
        there = np.empty_like(found)
        there[order] = found
        return there

    def _add(self, rows: RowKeys) -> None:
        if not len(rows.time):
            return
        self._newest = max(self._newest, int(rows.time.max()))
        self._runs.append(_sorted(rows))
        while len(self._runs) > 1 and len(self._runs[-2].high) < 2 * len(self._runs[-1].high):
            self._runs[-2:] = [_sorted(joined(self._runs[-2:]))]
        if self._bytes() > self._forget_at:
            since = remembered_since(self._newest, self.key)
            self._runs = [_sorted(joined(_young(run, since) for run in self._runs))]
            self._forget_at = max(_ROOMY, 2 * self._bytes())
        if self._bytes() > self.key.most_bytes:
            raise too_large(self._root, self._bytes() // ROW_BYTES, self.key)

    def _bytes(self) -> int:
        return ROW_BYTES * sum(len(run.high) for run in self._runs)


def close_repeats(rows: RowKeys, within: int) -> Places:
    """The places of rows whose key one before them has that stays, at most `within` µs away.

    >>> keys = RowKeys(np.array([7, 7, 7, 8], np.uint64), np.zeros(4, np.uint64), np.array([0, 9, 25, 0]))
    >>> close_repeats(keys, 10).tolist(), close_repeats(keys, 30).tolist()
    ([1], [1, 2])
    """
    order = np.lexsort((rows.low, rows.high))  # rows of one key stay in the order in which they came
    high, low, time = rows.high[order], rows.low[order], rows.time[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    starts = np.flatnonzero(begins)
    if len(starts) == len(order):
        return np.array([], np.int64)
    spread = np.maximum.reduceat(time, starts) - np.minimum.reduceat(time, starts)
    gone = ~begins
    ends = [*starts[1:].tolist(), len(order)]
    for number in np.flatnonzero(spread > within).tolist():  # few: the same key at times that are far apart
        kept: list[int] = []
        for place in range(starts[number], ends[number]):
            now = int(time[place])
            gone[place] = any(then == NULL_TIME or abs(now - then) <= within for then in kept)
            if not gone[place]:
                kept.append(now)
    repeats: Places = np.sort(order[gone])
    return repeats


def remembered_since(newest: int, key: StreamKey) -> int:
    """Rows of the table from this time on a row can be close to that is still to come; µs since the epoch.

    A row from the future makes none of the others old.
    """
    now = _micros(datetime.now(UTC))
    return max(min(newest, now) - (key.within + key.lateness) // _MICROSECOND, NULL_TIME + 1)


def prove_fits(root: str, key: StreamKey) -> None:
    """Nothing, where the keys of the window may be held in memory; reads times only where the log does not tell.

    Raises:
        DataFailure: they take more than they may.
    """
    snapshot = open_snapshot(root)
    if key.latest_by:
        if snapshot.rows * key.row_bytes > key.most_bytes:
            raise too_large(root, snapshot.rows, key)
        return
    newest = max((_newest(file, key.time) for file in snapshot.files), default=NULL_TIME)
    since = remembered_since(newest, key)
    groups = list(_groups(snapshot.files, key, since))
    if sum(group.rows for group in groups) * key.row_bytes <= key.most_bytes:
        return
    within = sum(len(_young(_of_group(group, key, snapshot.schema), since).time) for group in groups)
    if within * key.row_bytes > key.most_bytes:
        raise too_large(root, within, key)


def too_large(root: str, rows: int, key: StreamKey) -> DataFailure:
    """What stops a run whose window does not fit."""
    return DataFailure(
        f"{root}: repeats are {key.told}: those are {rows:,} rows, whose keys take {key.row_bytes * rows:,} bytes of "
        f"memory; dedupe.max_bytes allows {key.most_bytes:,}. {
            'Raise' if key.latest_by else 'Shorten dedupe.within, or raise'
        } dedupe.max_bytes (and the memory of the worker that commits)"
    )


def _groups(files: Iterable[DataFile], key: StreamKey, since: int | None) -> Iterator[RowGroup]:
    if since is None:
        yield from row_groups(files)
        return
    moment = EPOCH + max(since, _micros(datetime.min.replace(tzinfo=UTC))) * _MICROSECOND
    young = (file for file in files if key.time not in file.high or _newest(file, key.time) >= since)
    yield from row_groups_since(young, key.time, moment)


def _newest(file: DataFile, time: str) -> int:
    return _micros(file.high[time]) if time in file.high else NULL_TIME


def _of_group(group: RowGroup, key: StreamKey, schema: pa.Schema) -> RowKeys:
    return keys_in(read_group(group, key.schema(schema)), key)


def keys_of_file(path: str, key: StreamKey) -> RowKeys:
    """Of the rows of one data file, in their order."""
    with opened(path) as file:
        columns = key.schema(file.schema_arrow).names
        return joined(keys_in(rows, key) for rows in file.iter_batches(columns=columns))


def keys_in(rows: pa.RecordBatch, key: StreamKey) -> RowKeys:
    """Of some rows of the table."""
    times = rows.column(key.time).cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    rank = ranks(rows.column(key.latest_by)) if key.latest_by else None
    return RowKeys(*wide_hash(rows, key.columns), pc.fill_null(times, NULL_TIME).to_numpy(), rank)


def joined(runs: Iterable[RowKeys]) -> RowKeys:
    """All of them as one."""
    every = list(runs) or [_NONE]
    ranked = [run.rank for run in every if run.rank is not None]
    return RowKeys(
        np.concatenate([run.high for run in every]),
        np.concatenate([run.low for run in every]),
        np.concatenate([run.time for run in every]),
        np.concatenate(ranked) if ranked else None,
    )


def _sorted(rows: RowKeys) -> RowKeys:
    return rows.at(np.argsort(rows.high, kind="stable"))  # which takes little time where runs are sorted already


def _close(there: NDArray[np.int64], now: NDArray[np.int64], within: int) -> NDArray[np.bool_]:
    """Whether two times are at most so far apart; a row without one is close to all."""
    close: NDArray[np.bool_] = (np.abs(there - now) <= within) | (there == NULL_TIME)
    return close


def _young(rows: RowKeys, since: int) -> RowKeys:
    young = (rows.time >= since) | (rows.time == NULL_TIME)
    return rows if young.all() else rows.at(np.flatnonzero(young))


def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
