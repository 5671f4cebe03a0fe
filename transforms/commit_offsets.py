"""Commit the parts of a stream in the order of their offsets, each once."""
# ruff: noqa: B008  # so Beam is told which state and timers a method is given

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam import PCollection, coders
from apache_beam.metrics import Metrics
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import Timestamp

from headrace.lake.offset_commit import OffsetsTable, Waiting, Window
from headrace.lake.offsets import Part, gap


@dataclass(eq=False)
class CommitOffsets(beam.PTransform[PCollection[tuple[str, Part]], PCollection[tuple[str, int]]]):
    """One worker per table gathers its parts, and every few seconds commits those that follow each other.

    What comes out is (table, rows read for a commit). A retry finds its tokens in the table and
    commits nothing twice; `write_delta.repeated` counts the parts of which that held. The run
    fails where a gap stays open for `patience` seconds.
    """

    tables: Mapping[str, OffsetsTable]
    every: float = 2.0  # seconds
    patience: float = 120.0

    def expand(self, parts: PCollection[tuple[str, Part]]) -> PCollection[tuple[str, int]]:
        """Lay out the stage."""
        commit = beam.ParDo(_CommitFn(self.tables, self.every, self.patience))
        return parts | "Commit" >> commit.with_output_types(tuple[str, int])


class _CommitFn(beam.DoFn):
    TABLE = ReadModifyWriteStateSpec("table", coders.PickleCoder())
    WAITING = BagStateSpec("waiting", coders.PickleCoder())
    SINCE = ReadModifyWriteStateSpec("since", coders.PickleCoder())  # when what waits of a source came to its token
    SET = ReadModifyWriteStateSpec("set", coders.PickleCoder())  # whether `soon` is
    LAST = ReadModifyWriteStateSpec("last", coders.PickleCoder())  # when something was committed
    SOON = TimerSpec("soon", TimeDomain.REAL_TIME)
    END = TimerSpec("end", TimeDomain.WATERMARK)

    def __init__(self, tables: Mapping[str, OffsetsTable], every: float, patience: float) -> None:
        self._tables = dict(tables)
        self._every = every
        self._patience = patience
        self._windows: dict[str, Window | None] = {}

    def setup(self) -> None:
        self._windows = {name: table.window() for name, table in self._tables.items()}

    def process(
        self,
        element: tuple[str, Part],
        table: Any = beam.DoFn.StateParam(TABLE),
        waiting: Any = beam.DoFn.StateParam(WAITING),
        is_set: Any = beam.DoFn.StateParam(SET),
        last: Any = beam.DoFn.StateParam(LAST),
        soon: Any = beam.DoFn.TimerParam(SOON),
        end: Any = beam.DoFn.TimerParam(END),
    ) -> None:
        name, part = element
        waiting.add(part)
        if not is_set.read():  # set anew by every part, it would never fire while parts keep coming
            is_set.write(True)
            table.write(name)
            soon.set(max(Timestamp.now(), Timestamp(last.read() or 0) + self._every))
            end.set(GlobalWindow().max_timestamp())  # where a bounded run ends

    @on_timer(SOON)
    def commit(
        self,
        table: Any = beam.DoFn.StateParam(TABLE),
        waiting: Any = beam.DoFn.StateParam(WAITING),
        since: Any = beam.DoFn.StateParam(SINCE),
        is_set: Any = beam.DoFn.StateParam(SET),
        last: Any = beam.DoFn.StateParam(LAST),
        soon: Any = beam.DoFn.TimerParam(SOON),
    ) -> Iterator[tuple[str, int]]:
        into, after = self._committed(table.read(), waiting.read())
        waiting.clear()
        is_set.clear()
        last.write(time.time())
        if after.committed or not after.parts:
            yield into.name, after.committed
        stuck = _stuck(since.read() or {}, after, time.time())
        since.write(stuck)
        if after.parts:
            for part in after.parts:
                waiting.add(part)
            if (waited := time.time() - min(began for _, began in stuck.values())) > self._patience:
                raise gap(into.name, after.parts, after.tokens, waited)
            is_set.write(True)
            soon.set(Timestamp.now() + self._every)

    @on_timer(END)
    def end(
        self,
        table: Any = beam.DoFn.StateParam(TABLE),
        waiting: Any = beam.DoFn.StateParam(WAITING),
    ) -> Iterator[tuple[str, int]]:
        into, after = self._committed(table.read(), waiting.read())
        waiting.clear()
        if after.parts:
            raise gap(into.name, after.parts, after.tokens, 0)
        yield into.name, after.committed

    def _committed(self, name: str, parts: Iterable[Part]) -> tuple[OffsetsTable, Waiting]:
        into = self._tables[name]
        after = into.commit(parts, self._windows[name])
        if after.dropped:
            Metrics.counter("write_delta", "repeated").inc(after.dropped)
        return into, after


def _stuck(before: Mapping[str, tuple[int, float]], after: Waiting, now: float) -> dict[str, tuple[int, float]]:
    """The token of every source of which something waits, and since when it has not moved; others go on meanwhile."""
    waiting = {span.file: after.tokens[span.file] for part in after.parts for span in part.spans}
    return {
        source: before[source] if source in before and before[source][0] == token else (token, now)
        for source, token in waiting.items()
    }
