"""Read a Delta table's files, row group by row group."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam import PCollection

from headrace import storage
from headrace.lake.reading import opened, read_group
from headrace.lake.snapshot import DataFile, RowGroup
from headrace.rows.block import Block, Origin
from transforms import coders  # noqa: F401  # what blocks travel by


class Group(NamedTuple):
    """One row group and the rows of its file that it holds."""

    path: str  # where it is read
    file: str  # what its origin calls it
    number: int
    start: int
    end: int


@dataclass(eq=False)
class ReadDelta(beam.PTransform[beam.Pipeline, PCollection[Block]]):
    """Every row of the files, one block per row group; its origin counts rows of the file.

    The files are those of a pinned snapshot, so a rerun reads the same.
    """

    files: Sequence[DataFile]
    schema: pa.Schema  # of what is read

    def expand(self, root: beam.Pipeline) -> PCollection[Block]:
        """Lay out the stage."""
        files = [(storage.absolute(file.path), file.path) for file in self.files]
        return (
            root
            | "Files" >> beam.Create(files)  # spread: each footer is a read of its own
            | "List row groups" >> beam.FlatMapTuple(groups_of)
            | "Spread row groups" >> beam.Reshuffle()  # Group, a few dozen bytes each
            | "Read row group" >> beam.ParDo(_ReadFn(self.schema))
        )


def groups_of(path: str, file: str) -> Iterator[Group]:
    """The row groups of a file at a path, with the rows they cover; opens its footer."""
    start = 0
    with opened(path) as parquet:
        for number in range(parquet.num_row_groups):
            end = start + parquet.metadata.row_group(number).num_rows
            yield Group(path, file, number, start, end)
            start = end


class _ReadFn(beam.DoFn):
    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema

    def process(self, element: Group) -> Iterator[Block]:
        rows = read_group(RowGroup(element.path, element.number, element.end - element.start), self._schema)
        yield Block(Origin(element.file, element.start, element.end), rows)
