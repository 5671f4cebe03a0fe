"""Find the rows that repeat the key of a row before them; only hashes are shuffled, never rows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import apache_beam as beam
import pyarrow as pa
from apache_beam import PCollection

from headrace.lake.before import Before, rows_since
from headrace.lake.data_set_tables import events_schema
from headrace.lake.reading import read_group
from headrace.lake.repeats import Keys, Repeats, buckets_for, find_repeats, keys_of
from headrace.lake.snapshot import RowGroup, row_groups
from headrace.rows.block import Block
from headrace.spec.data_set import DataSet

type Bucketed = tuple[int, Keys]


@dataclass(eq=False)
class FindRepeats(beam.PTransform[PCollection[Block], PCollection[Repeats]]):
    """The accepted rows of each block whose key stands in the history, or earlier in the plan.

    Which row comes first is decided by file and line, so that any runner finds the same.
    Each bucket of hashes is held in memory whole: about 40 bytes a row.
    """

    data: DataSet
    before: Before | None  # the rows of the events table; None: nothing repeats, as there is no key

    def expand(self, blocks: PCollection[Block]) -> PCollection[Repeats]:
        """Lay out the stage."""
        if self.before is None:
            return blocks.pipeline | "Not looked for" >> beam.Create([], reshuffle=False)
        columns = dict.fromkeys([*self.data.key, *([self.data.time] if self.data.time else [])])
        read = pa.schema([events_schema(self.data).field(name) for name in columns])
        names, buckets = self.data.key, buckets_for(self.before.rows)
        looked = (self.data.time, self.before.since)
        fresh = blocks | "Hash keys" >> beam.FlatMap(_hashed, names, buckets)
        old = (
            blocks.pipeline
            | "Files before" >> beam.Create(list(self.before.files), reshuffle=False)
            | "Row groups before" >> beam.FlatMap(lambda file: row_groups([file]))
            | "Spread" >> beam.Reshuffle()
            | "Hash keys before" >> beam.FlatMap(_hashed_before, read, names, looked, buckets)
        )
        return (
            (fresh, old)
            | "All keys" >> beam.Flatten()
            | "By bucket" >> beam.GroupByKey()  # (bucket, Keys), 24 bytes a row
            | "Repeats" >> beam.FlatMap(_found)
        )


def _hashed(block: Block, names: Sequence[str], buckets: int) -> Iterator[Bucketed]:
    return keys_of(block.rows, names, block.origin, buckets)


def _hashed_before(
    group: RowGroup, read: pa.Schema, names: Sequence[str], since: tuple[str | None, datetime | None], buckets: int
) -> Iterator[Bucketed]:
    return keys_of(rows_since(read_group(group, read), *since), names, None, buckets)


def _found(bucket: tuple[int, Iterable[Keys]]) -> list[Repeats]:
    return find_repeats(bucket[1])
