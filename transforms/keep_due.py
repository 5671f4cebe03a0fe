"""Keep the rows whose prediction is due."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam import PCollection
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints.decorators import no_annotations

from headrace.features.due import PREDICT_AT, DueCounts, Window
from headrace.rows.block import Block
from headrace.rules import Expression
from transforms import pace


class Due(NamedTuple):
    """Due rows with their `predict_at`, and the account of every block read."""

    rows: PCollection[Block]
    counts: PCollection[DueCounts]


@dataclass(eq=False)
class KeepDue(beam.PTransform[PCollection[Block], Due]):
    """Rows of the window, each once over all builds; the others are counted."""

    predict_at: Expression
    window: Window

    @no_annotations
    def expand(self, blocks: PCollection[Block]) -> Due:
        """Lay out the stage."""
        keep = beam.ParDo(_KeepFn(self.predict_at, self.window)).with_output_types(Block)
        ways = blocks | "Keep due rows" >> keep.with_outputs("counts", main="rows")
        return Due(ways.rows, ways.counts)


class _KeepFn(beam.DoFn):
    def __init__(self, predict_at: Expression, window: Window) -> None:
        self._predict_at = predict_at
        self._window = window

    def process(self, element: Block) -> Iterator[Any]:  # Block, and tagged: DueCounts
        predict_at = self._predict_at(element.rows)
        due, counts = self._window.split(element.origin, predict_at)
        pace.count(counts.read, counts.read)
        rows = element.rows.append_column(PREDICT_AT, predict_at)
        yield Block(element.origin, rows.filter(due))
        yield TaggedOutput("counts", counts)
