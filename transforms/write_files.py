"""Write blocks into data files that no commit names yet."""

from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa
from apache_beam import PCollection
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from headrace.lake.data_files import TARGET_BYTES, DataFileWriter
from headrace.lake.settle import Written
from headrace.rows.block import Block, Origin

_ROW_GROUP_BYTES = 64_000_000  # in memory, while a row group is being filled


@dataclass(eq=False)
class WriteFiles(beam.PTransform[PCollection[Block], PCollection[Written]]):
    """Each file holds whole consecutive blocks of one bundle, up to about `target` bytes.

    Files have fresh names: a bundle that runs twice writes two sets, of which only the
    one that reaches the commit is ever visible.
    """

    root: str
    schema: pa.Schema
    target: int = TARGET_BYTES

    def expand(self, blocks: PCollection[Block]) -> PCollection[Written]:
        """Lay out the stage."""
        return blocks | "Write file" >> beam.ParDo(_WriteFn(self.root, self.schema, self.target))


class _WriteFn(beam.DoFn):
    def __init__(self, root: str, schema: pa.Schema, target: int) -> None:
        self._root = root
        self._schema = schema
        self._target = target
        self._writer: DataFileWriter | None = None
        self._held: list[tuple[Origin, int]] = []

    def start_bundle(self) -> None:
        self.teardown()

    def process(self, element: Block) -> Iterator[Written]:
        if not element.rows.num_rows:
            return
        if self._writer is None:
            self._writer = DataFileWriter(self._root, self._schema, row_group_bytes=_ROW_GROUP_BYTES)
        self._writer.write(element.rows)
        self._held.append((element.origin, element.rows.num_rows))
        if self._writer.size >= self._target:
            yield self._finished(self._writer)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if self._writer is not None:
            window = GlobalWindow()
            yield WindowedValue(self._finished(self._writer), window.max_timestamp(), (window,))

    def teardown(self) -> None:
        if self._writer is not None:
            self._writer.abandon()
        self._writer, self._held = None, []

    def _finished(self, writer: DataFileWriter) -> Written:
        added, held = writer.close(), tuple(self._held)
        self._writer, self._held = None, []
        assert added is not None  # blocks without rows never open a writer
        return Written(added, held)
