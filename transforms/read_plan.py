"""Read the files of a sealed plan, range by range."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
from apache_beam import PCollection

from headrace import storage
from headrace.failures import DataFailure, PlaceFailure
from headrace.lake.plans import SealedPlan
from headrace.rows.block import RawBlock, Refused
from headrace.rows.damaged import refused_block
from headrace.rows.read_blocks import read_blocks
from headrace.spec.data_set import Source
from headrace.storage import FileStatus
from transforms import coders  # noqa: F401  # what raw blocks travel by


class Range(NamedTuple):
    """One planned range of one file."""

    path: str  # where it is read
    file: str  # what its origin calls it
    start: int
    end: int
    header: tuple[str, ...]
    status: FileStatus
    refused: Refused | None = None  # that it is known to be one that cannot be read


@dataclass(eq=False)
class ReadPlan(beam.PTransform[beam.Pipeline, PCollection[RawBlock]]):
    """Every planned byte, as whole rows or as a block that says that it cannot be read.

    The ranges are shuffled over the workers, rows never are.
    Fails where a file is no longer what was planned.
    """

    plan: SealedPlan
    source: Source

    def expand(self, root: beam.Pipeline) -> PCollection[RawBlock]:
        """Lay out the stage."""
        return (
            root
            | "Plan" >> beam.Create([self.plan], reshuffle=False)
            | "List ranges" >> beam.FlatMap(ranges_of)
            | "Spread ranges" >> beam.Reshuffle()  # Range, of names and numbers only
            | "Read range" >> beam.ParDo(_ReadFn(self.source))
        )


def ranges_of(plan: SealedPlan) -> Iterator[Range]:
    """Every range of a plan's files, in their order."""
    for file in plan.read().files:
        for start, end in file.ranges:
            yield Range(file.real, file.path, start, end, file.header, file.status)
        for refused in file.refused:
            yield Range(file.real, file.path, refused.start, refused.end, (), file.status, refused)


class _ReadFn(beam.DoFn):
    def __init__(self, source: Source) -> None:
        self._source = source

    def process(self, element: Range) -> Iterator[RawBlock]:
        if element.refused:
            yield refused_block(element.file, element.refused)
            return
        found = storage.status(element.path)
        if found is None:
            raise PlaceFailure(
                f"{element.file}: {socket.gethostname()} sees no such file at {element.path}, and it was there when "
                "the plan was sealed; put it back if it has been taken away, else let every worker mount its folder at "
                "that path, and run again"
            )
        if found != element.status:
            raise DataFailure(
                f"{element.file}: has changed since the plan was sealed; put the planned file back, or run again to "
                "seal the plan anew where nothing of it is committed"
            )
        _, file, start, end, header, *_ = element
        yield from read_blocks(element.path, file, start, end, self._source, header=header)
