"""Join the latest row of a side table that was known when the prediction was due."""

from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam
from apache_beam import PCollection
from apache_beam.utils.shared import Shared

from headrace.features.due import PREDICT_AT
from headrace.features.sides import Side, as_of_table
from headrace.rows.block import Block


@dataclass(eq=False)
class JoinAsOf(beam.PTransform[PCollection[Block], PCollection[Block]]):
    """Adds `<side>__<column>`; null where no row was known or it is older than the tolerance.

    Every process of a worker reads the side table itself, once, at the pinned version, and
    holds it whole.
    """

    side: Side

    def expand(self, blocks: PCollection[Block]) -> PCollection[Block]:
        """Lay out the stage."""
        return blocks | "Join" >> beam.ParDo(_JoinFn(self.side, Shared()))


class _JoinFn(beam.DoFn):
    def __init__(self, side: Side, shared: Shared) -> None:
        self._side = side
        self._shared = shared

    def setup(self) -> None:
        self._table = self._shared.acquire(lambda: as_of_table(self._side))

    def process(self, element: Block) -> Iterator[Block]:
        join, rows = self._side.join, element.rows
        at = rows.column(PREDICT_AT.name)
        yield Block(element.origin, self._table.join(rows, join.on, at, join.tolerance, self._side.name))
