"""Compute what a model's feature table stores of each row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa
from apache_beam import PCollection

from headrace.features.feature_set import FeatureSpec
from headrace.rows.block import Block


@dataclass(eq=False)
class AddFeatures(beam.PTransform[PCollection[Block], PCollection[Block]]):
    """Stateless features as `f__<name>`, the inputs of fitted steps, and the named columns as they are."""

    spec: FeatureSpec
    keep: Sequence[str]

    def expand(self, blocks: PCollection[Block]) -> PCollection[Block]:
        """Lay out the stage."""
        return blocks | "Compute features" >> beam.ParDo(_AddFn(self.spec, self.keep))


class _AddFn(beam.DoFn):
    def __init__(self, spec: FeatureSpec, keep: Sequence[str]) -> None:
        self._spec = spec
        self._keep = tuple(keep)

    def process(self, element: Block) -> Iterator[Block]:
        stored = self._spec.store(element.rows)
        columns = dict(zip(stored.schema.names, stored.columns, strict=True))
        columns = {**{name: element.rows.column(name) for name in self._keep}, **columns}
        yield Block(element.origin, pa.RecordBatch.from_pydict(columns))
