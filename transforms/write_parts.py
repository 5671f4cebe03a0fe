"""Write blocks whose order is told by offsets into data files that no commit names yet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam import PCollection
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from headrace.lake.data_files import TARGET_BYTES, Added
from headrace.lake.offset_commit import OffsetsTable
from headrace.lake.offsets import Part, merged
from headrace.lake.partitioned_files import PartitionedFiles
from headrace.lake.stream_account import StreamAccount
from headrace.rows.block import Origin
from transforms.check_messages import Judged

_MOST_BEGUN = 8  # parts of one bundle, each of which holds a row group in memory


@dataclass(eq=False)
class WriteParts(beam.PTransform[PCollection[Judged], PCollection[tuple[str, Part]]]):
    """Each part holds consecutive blocks of one bundle: their files, and every range, also one without rows.

    Blocks that the table has already, since another table is behind it, are left out.
    Files have fresh names: a bundle that runs twice writes two sets, of which the commit takes one.
    """

    table: OffsetsTable
    schema: pa.Schema
    first: Mapping[str, int]  # the offset the table needs first, by source
    partition_by: Sequence[str] = ()
    cluster_by: Sequence[str] = ()
    target: int = TARGET_BYTES
    apart: bool = False  # a part of its own for each source: needed where no reader gives the blocks in their order

    def expand(self, judged: PCollection[Judged]) -> PCollection[tuple[str, Part]]:
        """Lay out the stage."""
        files = (self.table.root, self.schema, tuple(self.partition_by), tuple(self.cluster_by), self.target)
        write = beam.ParDo(_WriteFn(self.table, files, dict(self.first), self.apart))
        return judged | "Write file" >> write.with_output_types(tuple[str, Part])


@dataclass
class _Begun:
    """A part that is being written."""

    files: PartitionedFiles
    finished: list[Added] = field(default_factory=list)
    held: list[tuple[Origin, StreamAccount]] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)  # by source

    def goes_on_with(self, origin: Origin) -> bool:
        return self.ends.get(origin.file, origin.start) == origin.start

    def take(self, origin: Origin, rows: pa.RecordBatch, account: StreamAccount) -> None:
        self.held.append((origin, account))
        self.ends[origin.file] = origin.end
        self.finished += self.files.write(rows)

    def part(self) -> Part:
        files = (*self.finished, *self.files.close())
        for added in files:
            Metrics.counter("write_delta", "rows").inc(added.rows)
            Metrics.counter("write_delta", "files").inc()
            Metrics.counter("write_delta", "bytes").inc(added.size)
        return Part(
            merged(origin for origin, _ in self.held), files, StreamAccount.total(account for _, account in self.held)
        )


class _WriteFn(beam.DoFn):
    def __init__(self, table: OffsetsTable, files: tuple[Any, ...], first: dict[str, int], apart: bool) -> None:
        self._table = table
        self._files = files
        self._first = first
        self._apart = apart
        self._begun: dict[str, _Begun] = {}

    def setup(self) -> None:
        """A worker that takes over from a dead one may find the table ahead of what the pipeline was built with."""
        now = self._table.tokens(self._first)
        self._first = {source: max(first, now[source]) for source, first in self._first.items()}

    def start_bundle(self) -> None:
        self.teardown()

    def process(self, element: Judged) -> Iterator[tuple[str, Part]]:
        (origin, rows), account = element
        if origin.end <= self._first[origin.file]:
            return
        group = origin.file if self._apart else ""
        if group in self._begun and not self._begun[group].goes_on_with(origin):
            yield self._table.name, self._begun.pop(group).part()
        if group not in self._begun and len(self._begun) >= _MOST_BEGUN:
            yield self._table.name, self._begun.pop(next(iter(self._begun))).part()
        begun = self._begun.setdefault(group, _Begun(PartitionedFiles(*self._files)))
        begun.take(origin, rows, account)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for group in list(self._begun):
            yield WindowedValue((self._table.name, self._begun.pop(group).part()), Timestamp.now(), (GlobalWindow(),))

    def teardown(self) -> None:
        for begun in self._begun.values():
            begun.files.abandon()
        self._begun = {}
