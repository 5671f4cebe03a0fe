"""Write the blocks of a stream into data files that no commit names yet."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa
from apache_beam import PCollection
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from headrace.lake.data_files import TARGET_BYTES, DataFileWriter
from headrace.lake.offsets import Part, merged
from headrace.lake.stream_account import StreamAccount
from headrace.rows.block import Origin
from transforms.check_messages import Judged

_ROW_GROUP_BYTES = 64_000_000  # in memory, while a row group is being filled


@dataclass(eq=False)
class WriteParts(beam.PTransform[PCollection[Judged], PCollection[tuple[str, Part]]]):
    """Each part holds consecutive blocks of one bundle: at most one file, and every range, also one without rows.

    Blocks that the table has already, since another table is behind it, are left out.
    Files have fresh names: a bundle that runs twice writes two, of which the commit takes one.
    """

    table: str
    root: str
    schema: pa.Schema
    first: Mapping[str, int]  # the offset the table needs first, by the name of the partition
    target: int = TARGET_BYTES

    def expand(self, judged: PCollection[Judged]) -> PCollection[tuple[str, Part]]:
        """Lay out the stage."""
        write = beam.ParDo(_WriteFn(self.table, self.root, self.schema, self.first, self.target))
        return judged | "Write file" >> write.with_output_types(tuple[str, Part])


class _WriteFn(beam.DoFn):
    def __init__(self, table: str, root: str, schema: pa.Schema, first: Mapping[str, int], target: int) -> None:
        self._table = table
        self._root = root
        self._schema = schema
        self._first = dict(first)
        self._target = target
        self._writer: DataFileWriter | None = None
        self._held: list[tuple[Origin, StreamAccount]] = []

    def start_bundle(self) -> None:
        self.teardown()

    def process(self, element: Judged) -> Iterator[tuple[str, Part]]:
        (origin, rows), account = element
        if origin.end <= self._first[origin.file]:
            return
        self._held.append((origin, account))
        if rows.num_rows:
            if self._writer is None:
                self._writer = DataFileWriter(self._root, self._schema, row_group_bytes=_ROW_GROUP_BYTES)
            self._writer.write(rows)
            if self._writer.size >= self._target:
                yield self._table, self._part()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if self._held:
            yield WindowedValue((self._table, self._part()), Timestamp.now(), (GlobalWindow(),))

    def _part(self) -> Part:
        added = self._writer.close() if self._writer else None
        part = Part(
            merged(origin for origin, _ in self._held),
            added,
            StreamAccount.total(account for _, account in self._held),
        )
        self._writer, self._held = None, []
        return part

    def teardown(self) -> None:
        if self._writer is not None:
            self._writer.abandon()
        self._writer, self._held = None, []
