"""Write blocks into data files that no commit names yet."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam import PCollection
from apache_beam.utils.timestamp import MIN_TIMESTAMP, Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from headrace.lake.data_files import ROW_GROUP_BYTES, TARGET_BYTES, DataFileWriter
from headrace.lake.written import Written
from headrace.rows.block import Block, Origin


@dataclass(eq=False)
class WriteFiles(beam.PTransform[PCollection[Block], PCollection[Written]]):
    """Each file holds whole consecutive blocks of one bundle and window, up to about `target` bytes.

    It comes out in that window, at the time of its latest block.

    Files have fresh names: a bundle that runs twice writes two sets, of which only the
    one that reaches the commit is ever visible.
    """

    root: str
    schema: pa.Schema
    target: int = TARGET_BYTES

    def expand(self, blocks: PCollection[Block]) -> PCollection[Written]:
        """Lay out the stage."""
        write = beam.ParDo(_WriteFn(self.root, self.schema, self.target))
        return blocks | "Write file" >> write.with_output_types(Written)


class _WriteFn(beam.DoFn):
    def __init__(self, root: str, schema: pa.Schema, target: int) -> None:
        self._root = root
        self._schema = schema
        self._target = target
        self._writer: DataFileWriter | None = None
        self._held: list[tuple[Origin, int]] = []
        self._window: Any = None
        self._latest: Timestamp = MIN_TIMESTAMP

    def start_bundle(self) -> None:
        self.teardown()

    def process(
        self, element: Block, window: Any = beam.DoFn.WindowParam, time: Any = beam.DoFn.TimestampParam
    ) -> Iterator[WindowedValue]:
        if not element.rows.num_rows:
            return
        if self._writer is not None and window != self._window:
            yield from self.finish_bundle()
        if self._writer is None:
            self._writer = DataFileWriter(self._root, self._schema, row_group_bytes=ROW_GROUP_BYTES)
            self._window, self._latest = window, time
        self._latest = max(self._latest, time)
        self._writer.write(element.rows)
        self._held.append((element.origin, element.rows.num_rows))
        if self._writer.size >= self._target:
            yield from self.finish_bundle()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if self._writer is None:
            return
        added, held = self._writer.close(), tuple(self._held)
        self._writer, self._held = None, []
        assert added is not None  # blocks without rows never open a writer
        yield WindowedValue(Written(added, held), self._latest, (self._window,))

    def teardown(self) -> None:
        if self._writer is not None:
            self._writer.abandon()
        self._writer, self._held = None, []
