"""Read the files of a sealed plan, range by range."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
from apache_beam import PCollection

from headrace.failures import DataFailure
from headrace.lake import storage
from headrace.lake.plans import Plan
from headrace.lake.storage import FileStatus
from headrace.rows.block import RawBlock
from headrace.rows.cut import read_range
from headrace.spec.data_set import Source


class Range(NamedTuple):
    """One planned range of bytes of one file."""

    path: str
    start: int
    end: int
    header: tuple[str, ...]
    status: FileStatus


@dataclass(eq=False)
class ReadPlan(beam.PTransform[beam.Pipeline, PCollection[RawBlock]]):
    """Every planned byte, as whole lines; the ranges are shuffled over the workers, rows never are.

    Fails where a file is no longer what was planned.
    """

    plan: Plan
    source: Source

    def expand(self, root: beam.Pipeline) -> PCollection[RawBlock]:
        """Lay out the stage."""
        ranges = [
            Range(file.path, start, end, file.header, file.status)
            for file in self.plan.files
            for start, end in file.ranges
        ]
        return (
            root
            | "List ranges" >> beam.Create(ranges, reshuffle=False)
            | "Spread ranges" >> beam.Reshuffle()  # (path, range), a few dozen bytes each
            | "Read range" >> beam.ParDo(_ReadFn(self.source))
        )


class _ReadFn(beam.DoFn):
    def __init__(self, source: Source) -> None:
        self._source = source

    def process(self, element: Range) -> Iterator[RawBlock]:
        if storage.status(element.path) != element.status:
            raise DataFailure(
                f"{element.path}: has changed or gone since the plan was sealed; put the planned file back, or run "
                "again to seal the plan anew where nothing of it is committed"
            )
        yield read_range(element.path, element.path, element.start, element.end, self._source, header=element.header)
