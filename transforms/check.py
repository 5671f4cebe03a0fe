"""Separate the rows that keep their contract from those that do not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam import PCollection
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints.decorators import no_annotations

from headrace.lake.data_set_tables import PLAN
from headrace.rows.block import Block, Counts, RawBlock
from headrace.rows.check import Checker
from headrace.spec.data_set import DataSet
from transforms import (
    coders,  # noqa: F401  # what blocks travel by
    pace,
)


class CheckedBlocks(NamedTuple):
    """The ways out of `Check`: every row takes one of the first two."""

    accepted: PCollection[Block]
    quarantined: PCollection[Block]
    counts: PCollection[Counts]  # one per block read, with its origin


@dataclass(eq=False)
class Check(beam.PTransform[PCollection[RawBlock], CheckedBlocks]):
    """Parse, clean, derive and check every row; none is dropped.

    A quarantined row keeps its raw bytes and carries every rule it broke.
    """

    data: DataSet
    plan: int

    @no_annotations
    def expand(self, raw: PCollection[RawBlock]) -> CheckedBlocks:
        """Lay out the stage."""
        check = beam.ParDo(_CheckFn(self.data, self.plan)).with_output_types(Block)
        ways = raw | "Check rows" >> check.with_outputs("quarantined", "counts", main="accepted")
        return CheckedBlocks(ways.accepted, ways.quarantined, ways.counts)


class _CheckFn(beam.DoFn):
    def __init__(self, data: DataSet, plan: int) -> None:
        self._data = data
        self._plan = plan

    def setup(self) -> None:
        self._checker = Checker(self._data)

    def process(self, element: RawBlock) -> Iterator[Any]:  # Block, and tagged: Block, Counts
        accepted, quarantined, counts = self._checker.split(element)
        pace.count(counts.read, element.work)
        yield Block(element.origin, self._planned(accepted))
        yield TaggedOutput("quarantined", Block(element.origin, self._planned(quarantined)))
        yield TaggedOutput("counts", counts)

    def _planned(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        return rows.append_column(PLAN, pa.repeat(pa.scalar(self._plan, pa.int64()), rows.num_rows))
