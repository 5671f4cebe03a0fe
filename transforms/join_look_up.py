"""Join the row of a static side table that has the same key."""

from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam
from apache_beam import PCollection
from apache_beam.utils.shared import Shared

from headrace.features.sides import Side, look_up_table
from headrace.rows.block import Block


@dataclass(eq=False)
class JoinLookUp(beam.PTransform[PCollection[Block], PCollection[Block]]):
    """Adds `<side>__<column>`; null where no row has the key.

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
        self._table = self._shared.acquire(lambda: look_up_table(self._side))

    def process(self, element: Block) -> Iterator[Block]:
        yield Block(element.origin, self._table.join(element.rows, self._side.join.on, self._side.name))
