"""Check rows of quarantine again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam import PCollection
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints.decorators import no_annotations

from headrace.lake.data_set_tables import PLAN
from headrace.lake.plans import PlanFolder
from headrace.lake.replays import ReplayCounts
from headrace.lake.settlements import settled, still_open
from headrace.rows.block import Block
from headrace.rows.replayer import Header, Replayer, replayable
from headrace.spec.data_set import DataSet
from transforms import coders  # noqa: F401  # what blocks travel by


class CheckedAgain(NamedTuple):
    """The ways out of `CheckAgain`."""

    accepted: PCollection[Block]
    counts: PCollection[ReplayCounts]  # one per block, with its origin


@dataclass(eq=False)
class CheckAgain(beam.PTransform[PCollection[Block], CheckedAgain]):
    """Rows of quarantine that are whole and not settled yet, by the contract as it is now."""

    data: DataSet
    plans: str  # the folder of the plans, whose headers the lines were read by
    settlements: str  # root of the table
    version: int  # of it

    @no_annotations
    def expand(self, blocks: PCollection[Block]) -> CheckedAgain:
        """Lay out the stage."""
        again = beam.ParDo(_CheckAgainFn(self.data, self.plans, self.settlements, self.version))
        ways = blocks | "Check again" >> again.with_output_types(Block).with_outputs("counts", main="accepted")
        return CheckedAgain(ways.accepted, ways.counts)


class _CheckAgainFn(beam.DoFn):
    def __init__(self, data: DataSet, plans: str, settlements: str, version: int) -> None:
        self._data, self._plans, self._settlements, self._version = data, plans, settlements, version

    def setup(self) -> None:
        self._replayer = Replayer(self._data)
        self._settled = settled(self._settlements, self._version)
        self._headers: dict[int, Mapping[tuple[int, str], Header]] = {}

    def process(self, element: Block) -> Iterator[Any]:  # Block, and tagged: ReplayCounts
        rows = still_open(replayable(element.rows), self._settled)
        done = self._replayer(rows, self._headers_of(rows))
        plan = rows.column(PLAN.name).take(done.at)
        yield Block(element.origin, done.accepted.append_column(PLAN, plan))
        yield TaggedOutput("counts", ReplayCounts(element.origin, done.read, done.accepted.num_rows))

    def _headers_of(self, rows: pa.RecordBatch) -> dict[tuple[int, str], Header]:
        if self._data.source.format != "csv":
            return {}
        found: dict[tuple[int, str], Header] = {}
        for number in rows.column(PLAN.name).unique().to_pylist():
            if number not in self._headers:
                files = PlanFolder(self._plans).read(number).files
                self._headers[number] = {(number, file.path): file.header for file in files}
            found |= self._headers[number]
        return found
