"""Join the row of a static side table that has the same key."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
from apache_beam import PCollection, pvalue

from headrace.features.look_up import LookUpTable
from headrace.rows.block import Block


@dataclass(eq=False)
class JoinLookUp(beam.PTransform[PCollection[Block], PCollection[Block]]):
    """Adds `<prefix>__<column>`; null where no row has the key.

    The side table is one element and is held whole by every worker.
    """

    side: PCollection[LookUpTable]  # exactly one
    on: Sequence[str]
    prefix: str

    def expand(self, blocks: PCollection[Block]) -> PCollection[Block]:
        """Lay out the stage."""
        return blocks | "Join" >> beam.ParDo(_JoinFn(self.on, self.prefix), pvalue.AsSingleton(self.side))


class _JoinFn(beam.DoFn):
    def __init__(self, on: Sequence[str], prefix: str) -> None:
        self._on = tuple(on)
        self._prefix = prefix

    def process(self, element: Block, side: LookUpTable) -> Iterator[Block]:
        yield Block(element.origin, side.join(element.rows, self._on, self._prefix))
