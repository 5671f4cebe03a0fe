"""Check rows of quarantine again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam import PCollection
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints.decorators import no_annotations

from headrace.lake.data_set_tables import PLAN, events_schema
from headrace.lake.plans import PlanFolder
from headrace.lake.reading import fitted, one_batch
from headrace.lake.replays import ReplayCounts
from headrace.lake.settlements import settled, still_open
from headrace.rows.block import Block
from headrace.rows.replayer import Header, MessageReplayer, Replayed, Replayer, replayable
from headrace.spec.data_set import DataSet
from transforms import coders  # noqa: F401  # what blocks travel by


class CheckedAgain(NamedTuple):
    """The ways out of `CheckAgain`."""

    accepted: PCollection[Block]
    counts: PCollection[ReplayCounts]  # one per block, with its origin


@dataclass(eq=False)
class CheckAgain(beam.PTransform[PCollection[Block], CheckedAgain]):
    """Rows of quarantine that are whole and not settled yet, by the contract as it is now.

    Rows of a kind of source that the data set no longer has stay where they are.
    """

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
        files, topic = self._data.of_files, self._data.of_topic
        self._of_files = Replayer(files) if files else None
        self._of_topic = MessageReplayer(topic) if topic else None
        self._with_header = files is not None and files.source.format == "csv"
        self._schema = events_schema(self._data)
        self._settled = settled(self._settlements, self._version)
        self._headers: dict[int, Mapping[tuple[int, str], Header]] = {}

    def process(self, element: Block) -> Iterator[Any]:  # Block, and tagged: ReplayCounts
        rows = still_open(replayable(element.rows), self._settled)
        planned = pc.is_valid(rows.column(PLAN.name))
        lines, messages = rows.filter(planned), rows.filter(pc.invert(planned))
        accepted = [pa.RecordBatch.from_pylist([], self._schema)]
        if self._of_files and lines.num_rows:
            accepted.append(self._planned(lines, self._of_files(lines, self._headers_of(lines))))
        if self._of_topic and messages.num_rows:
            accepted.append(self._planned(messages, self._of_topic(messages)))
        found = one_batch(pa.Table.from_batches(accepted), element.origin.file)
        yield Block(element.origin, found)
        yield TaggedOutput("counts", ReplayCounts(element.origin, rows.num_rows, found.num_rows))

    def _planned(self, rows: pa.RecordBatch, done: Replayed) -> pa.RecordBatch:
        """The rows that passed, as the events table has them."""
        passed = done.accepted.append_column(PLAN, rows.column(PLAN.name).take(done.at))
        return one_batch(fitted(pa.Table.from_batches([passed]), self._schema), "")

    def _headers_of(self, rows: pa.RecordBatch) -> dict[tuple[int, str], Header]:
        if not self._with_header:
            return {}
        found: dict[tuple[int, str], Header] = {}
        for number in rows.column(PLAN.name).unique().to_pylist():
            if number not in self._headers:
                files = PlanFolder(self._plans).read(number).files
                self._headers[number] = {(number, file.path): file.header for file in files}
            found |= self._headers[number]
        return found
