"""Find the rows that repeat the key of a row before them; only hashes are shuffled, never rows."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa
from apache_beam import PCollection

from headrace.lake.before import Before, places_looked_at
from headrace.lake.data_set_tables import events_schema
from headrace.lake.reading import read_group
from headrace.lake.repeats import KeyColumns, Keys, Repeats, buckets_for, find_repeats, keys_of, old_keys
from headrace.lake.snapshot import RowGroup, row_groups
from headrace.rows.block import Block, Origin
from headrace.spec.data_set import DataSet

type Bucketed = tuple[int, Keys]
type KeysOf = Callable[[pa.RecordBatch, KeyColumns, Origin | None, int], Iterator[Bucketed]]


@dataclass(eq=False)
class FindRepeats(beam.PTransform[PCollection[Block], PCollection[Repeats]]):
    """The accepted rows of each block whose key stands in the history, or earlier in the plan.

    Which row comes first is decided by file and line, so that any runner finds the same; of
    rows that stand elsewhere now by those they came with, with `keys_as_they_came`.
    With `latest_by` the latest row of a key stays, and rows of the history may be among those
    that do not. Each bucket of hashes is held in memory whole: about 40 bytes a row.
    """

    data: DataSet
    before: Before | None  # the rows of the events table; None: nothing repeats, as there is no key
    keys: KeysOf = keys_of

    def expand(self, blocks: PCollection[Block]) -> PCollection[Repeats]:
        """Lay out the stage."""
        if self.before is None:
            return blocks.pipeline | "Not looked for" >> beam.Create([], reshuffle=False)
        key = KeyColumns(self.data.key, self.data.latest_by)
        columns = dict.fromkeys(
            filter(None, [*self.data.key, self.data.time, self.data.latest_by, *self.before.columns])
        )
        read = pa.schema([events_schema(self.data).field(name) for name in columns])
        buckets = buckets_for(self.before.rows)
        looked = self.before._replace(files=())  # which travel as elements
        fresh = blocks | "Hash keys" >> beam.FlatMap(_hashed, self.keys, key, buckets)
        old = (
            blocks.pipeline
            | "Files before" >> beam.Create(list(self.before.files), reshuffle=False)
            | "Row groups before" >> beam.FlatMap(lambda file: row_groups([file]))
            | "Spread" >> beam.Reshuffle()
            | "Hash keys before" >> beam.FlatMap(_hashed_before, read, key, (self.data.time, looked), buckets)
        )
        return (
            (fresh, old)
            | "All keys" >> beam.Flatten()
            | "By bucket" >> beam.GroupByKey()  # (bucket, Keys), 24 bytes a row
            | "Repeats" >> beam.FlatMap(_found)
        )


def _hashed(block: Block, keys: KeysOf, key: KeyColumns, buckets: int) -> Iterator[Bucketed]:
    return keys(block.rows, key, block.origin, buckets)


def _hashed_before(
    group: RowGroup, read: pa.Schema, key: KeyColumns, looked: tuple[str | None, Before], buckets: int
) -> Iterator[Bucketed]:
    rows = read_group(group, read)
    return old_keys(rows, places_looked_at(rows, *looked), key, group, buckets)


def _found(bucket: tuple[int, Iterable[Keys]]) -> list[Repeats]:
    return find_repeats(bucket[1])
