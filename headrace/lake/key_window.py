"""The keys of the newest rows of a table, in which the rows of a stream are looked up before they are committed.

Some 24 bytes a row, twice as many while runs of rows are put together. The table is the
source of truth: whoever begins reads the keys back from it, and takes in what others commit.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace import storage
from headrace.failures import DataFailure
from headrace.lake.changes import added_between
from headrace.lake.ranks import ranks
from headrace.lake.reading import opened, read_group
from headrace.lake.repeats import Keys, Places, Repeats, find_repeats
from headrace.lake.snapshot import DataFile, RowGroup, open_snapshot, row_groups_since
from headrace.lake.tables import open_table
from headrace.rows.block import Origin
from headrace.rows.key_hash import UInt64, wide_hash
from headrace.spec.data_set import DataSet
from headrace.spec.values import duration_text

ROW_BYTES = 24
STREAM_WITHIN = timedelta(hours=1)
"""How far a stream looks for repeats where the data set does not say."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ALWAYS = np.iinfo(np.int64).min


@dataclass(frozen=True)
class StreamKey:
    """How rows of a stream that repeat a key are looked for, and what is done about them."""

    columns: tuple[str, ...]
    time: str
    within: timedelta  # rows of the table that are older than its newest by more are not looked through
    refuse: bool  # a repeat stops the run; else it is left out and counted
    most_bytes: int  # of the keys in memory
    latest_by: str | None = None  # of the rows of a key, wherever they stand, the one with the greatest value stays

    @classmethod
    def of(cls, data: DataSet) -> Self | None:
        """Of a data set whose rows come from a topic; None where it has no key."""
        if not data.key or data.time is None:
            return None
        within = STREAM_WITHIN if data.dedupe.within is None else data.dedupe.within
        return cls(data.key, data.time, within, data.on_repeat == "refuse", data.dedupe.max_bytes, data.latest_by)

    @property
    def told(self) -> str:
        """As an account says it."""
        within = f"latest by {self.latest_by}" if self.latest_by else f"within {duration_text(self.within)}"
        return f"looked for by key, {within}"

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
    """Tells which rows repeat the key of one that the table has, or of one before them.

    For one thread at a time, which holds the lock. A row counts as there if its event time is at most `within`
    older than that of the newest row in the table.
    """

    def __init__(self, root: str, key: StreamKey) -> None:
        self._root = root
        self.key = key
        self.lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        """As before anything was read."""
        self._version: int | None = None
        self._newest = _ALWAYS
        self._runs: list[RowKeys] = []  # each in the order of `high`, every one at least twice as long as the next

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
        first = find_repeats(
            Keys(Origin("", number, number), keys.high, keys.low, np.arange(len(keys.high)))
            for number, keys in enumerate(files)
        )
        among = {repeats.origin.start: repeats.places for repeats in first}
        since = self._since()
        return Verdict(
            [
                np.union1d(among.get(number, np.array([], np.int64)), np.flatnonzero(self._there(keys, since)))
                for number, keys in enumerate(files)
            ]
        )

    def committed(self, version: int, rows: RowKeys) -> None:
        """Take in the rows that the caller has committed as this version.

        Raises:
            DataFailure: the keys of the window take more memory than they may.
        """
        if version == (self._version or 0) + 1:  # else others have committed too, and all of it is read back
            self._add(rows)
            self._version = version

    def _take_in(self, files: Sequence[DataFile], schema: pa.Schema) -> None:
        time = self.key.time
        self._newest = max([self._newest, *(_micros(file.high[time]) for file in files if time in file.high)])
        for group in _groups(files, self.key, self._since()):
            self._add(_of_group(group, self.key, schema))

    def _since(self) -> int:
        return max(self._newest - _micros(EPOCH + self.key.within), _ALWAYS) if self._newest > _ALWAYS else _ALWAYS

    def _there(self, keys: RowKeys, since: int) -> NDArray[np.bool_]:
        order = np.argsort(keys.high, kind="stable")  # a search in order finds the next place near the last one
        high, low = keys.high[order], keys.low[order]
        found = np.zeros(len(high), np.bool_)
        for run in self._runs:
            at = np.searchsorted(run.high, high)
            left = np.flatnonzero(at < len(run.high))
            while len(left := left[run.high[at[left]] == high[left]]):
                found[left] |= (run.low[at[left]] == low[left]) & (run.time[at[left]] >= since)
                left = left[~found[left]]
                at[left] += 1  # the same key may be there twice, the older one beyond the window
                left = left[at[left] < len(run.high)]
        there = np.empty_like(found)
        there[order] = found
        return there

    def _add(self, rows: RowKeys) -> None:
        if len(rows.time):
            self._newest = max(self._newest, int(rows.time.max()))
            self._runs.append(_young(_sorted(rows), self._since()))
        while len(self._runs) > 1 and len(self._runs[-2].high) < 2 * len(self._runs[-1].high):
            self._runs[-2:] = [_young(_sorted(joined(self._runs[-2:])), self._since())]
        if self._bytes() > self.key.most_bytes:
            self._runs = [_young(run, self._since()) for run in self._runs]
            if self._bytes() > self.key.most_bytes:
                raise too_large(self._root, self._bytes() // ROW_BYTES, self.key)

    def _bytes(self) -> int:
        return ROW_BYTES * sum(len(run.high) for run in self._runs)


def prove_fits(root: str, key: StreamKey) -> None:
    """Nothing, where the keys of the window may be held in memory; reads times only where the log does not tell.

    Raises:
        DataFailure: they take more than they may.
    """
    snapshot = open_snapshot(root)
    if key.latest_by:
        if snapshot.rows * ROW_BYTES > key.most_bytes:
            raise too_large(root, snapshot.rows, key)
        return
    newest = max((_micros(file.high[key.time]) for file in snapshot.files if key.time in file.high), default=None)
    if newest is None:
        return
    since = newest - _micros(EPOCH + key.within)
    groups = list(_groups(snapshot.files, key, since))
    if sum(group.rows for group in groups) * ROW_BYTES <= key.most_bytes:
        return
    within = sum(int((_of_group(group, key, snapshot.schema).time >= since).sum()) for group in groups)
    if within * ROW_BYTES > key.most_bytes:
        raise too_large(root, within, key)


def too_large(root: str, rows: int, key: StreamKey) -> DataFailure:
    """What stops a run whose window does not fit."""
    return DataFailure(
        f"{root}: repeats are {key.told}: those are {rows:,} rows, whose keys take {ROW_BYTES * rows:,} bytes of "
        f"memory; dedupe.max_bytes allows {key.most_bytes:,}. {
            'Raise' if key.latest_by else 'Shorten dedupe.within, or raise'
        } dedupe.max_bytes (and the memory of the worker that commits)"
    )


def _groups(files: Iterable[DataFile], key: StreamKey, since: int) -> Iterator[RowGroup]:
    moment = EPOCH + timedelta(microseconds=max(since, _micros(datetime.min.replace(tzinfo=UTC))))
    young = (file for file in files if key.time not in file.high or _micros(file.high[key.time]) >= since)
    yield from row_groups_since(young, key.time, moment)


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
    return RowKeys(*wide_hash(rows, key.columns), times.to_numpy(), rank)


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


def _young(rows: RowKeys, since: int) -> RowKeys:
    young = rows.time >= since
    return rows if young.all() else rows.at(np.flatnonzero(young))


def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
