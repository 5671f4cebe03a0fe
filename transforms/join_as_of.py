"""Join the latest row of a side table that was known when the prediction was due."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import apache_beam as beam
from apache_beam import PCollection, pvalue

from headrace.features.as_of import AsOfTable
from headrace.features.due import PREDICT_AT
from headrace.rows.block import Block


@dataclass(eq=False)
class JoinAsOf(beam.PTransform[PCollection[Block], PCollection[Block]]):
    """Adds `<prefix>__<column>`; null where no row was known or it is older than the tolerance.

    The side table is one element and is held whole by every worker.
    """

    side: PCollection[AsOfTable]  # exactly one
    on: Sequence[str]
    tolerance: timedelta | None
    prefix: str

    def expand(self, blocks: PCollection[Block]) -> PCollection[Block]:
        """Lay out the stage."""
        join = _JoinFn(self.on, self.tolerance, self.prefix)
        return blocks | "Join" >> beam.ParDo(join, pvalue.AsSingleton(self.side))


class _JoinFn(beam.DoFn):
    def __init__(self, on: Sequence[str], tolerance: timedelta | None, prefix: str) -> None:
        self._on = tuple(on)
        self._tolerance = tolerance
        self._prefix = prefix

    def process(self, element: Block, side: AsOfTable) -> Iterator[Block]:
        at = element.rows.column(PREDICT_AT.name)
        rows = side.join(element.rows, self._on, at, self._tolerance, self._prefix)
        yield Block(element.origin, rows)
