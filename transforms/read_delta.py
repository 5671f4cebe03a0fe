"""Read a Delta table's files, row group by row group."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam import PCollection

from headrace.lake.reading import read_group
from headrace.lake.snapshot import DataFile, RowGroup, row_groups
from headrace.rows.block import Block, Origin
from transforms import coders  # noqa: F401  # what blocks travel by


class Group(NamedTuple):
    """One row group and the rows of its file that it holds."""

    path: str
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
        return (
            root
            | "List row groups" >> beam.Create(list(groups_of(self.files)), reshuffle=False)
            | "Spread row groups" >> beam.Reshuffle()  # Group, a few dozen bytes each
            | "Read row group" >> beam.ParDo(_ReadFn(self.schema))
        )


def groups_of(files: Iterable[DataFile]) -> Iterator[Group]:
    """The row groups of files with the rows they cover; opens each footer."""
    start, path = 0, ""
    for found in row_groups(files):
        start = start if found.path == path else 0
        path = found.path
        yield Group(path, found.number, start, start + found.rows)
        start += found.rows


class _ReadFn(beam.DoFn):
    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema

    def process(self, element: Group) -> Iterator[Block]:
        rows = read_group(RowGroup(element.path, element.number, element.end - element.start), self._schema)
        yield Block(Origin(element.path, element.start, element.end), rows)
