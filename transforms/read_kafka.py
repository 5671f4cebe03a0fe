"""Read the messages of a topic, from offsets that the tables name."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam import PCollection, coders
from apache_beam.io.unbounded_source import CheckpointMark, ReadFromUnboundedSource, UnboundedReader, UnboundedSource
from apache_beam.utils.timestamp import MAX_TIMESTAMP, Timestamp

from headrace.lake.offset_commit import OffsetsTable
from headrace.lake.offsets import cut_at, partition_name
from headrace.rows.block import Block
from transforms.coders import BlockCoder
from transforms.consumer_slot import Fetched, slot_of

_IDLE = 0.5  # seconds before a topic without new messages is asked again
_BUNDLE_BLOCKS = 200
_BUNDLE_SECONDS = 2.0


@dataclass(frozen=True)
class KafkaSource(UnboundedSource):
    """The messages of some partitions, each from its first offset; up to `stop` where that is given.

    A worker that goes on from a runner's checkpoint asks the tables first: they may be ahead
    of it, and what they have is not read again. Nor does a block reach across the end of one.
    """

    what: Fetched
    first: Mapping[int, int]
    stop: Mapping[int, int] | None
    cuts: Mapping[int, tuple[int, ...]]  # offsets that no block may reach across
    readers: int
    tables: tuple[OffsetsTable, ...] = ()

    def ends(self) -> dict[int, tuple[int, ...]]:
        """Where each table ends now, by partition."""
        names = {partition_name(self.what.topic, number): number for number in self.what.partitions}
        stored = [table.tokens(names) for table in self.tables]
        return {number: tuple(tokens[name] for tokens in stored) for name, number in names.items()}

    def split(self, desired_num_splits: int, options: Any = None) -> list["KafkaSource"]:  # noqa: ARG002  # Beam's signature
        """One source for each reader; the place says how many, not the runner."""
        partitions = self.what.partitions
        shares = [partitions[n :: self.readers] for n in range(min(self.readers, len(partitions)))]
        return [replace(self, what=self.what._replace(partitions=share)) for share in shares]

    def create_reader(self, options: Any, checkpoint_mark: CheckpointMark | None) -> UnboundedReader:  # noqa: ARG002
        """A reader that goes on at the mark."""
        return _Reader(self, checkpoint_mark)

    def get_checkpoint_mark_coder(self) -> coders.Coder:
        """Marks hold plain numbers."""
        return coders.PickleCoder()

    def default_output_coder(self) -> coders.Coder:
        """Blocks travel as all blocks do."""
        return BlockCoder()


class _Mark(CheckpointMark):
    """The next offset of each partition; there is nothing to finalize, since the tables know what is in."""

    def __init__(self, at: Mapping[int, int]) -> None:
        self.at = tuple(sorted(at.items()))


class _Reader(UnboundedReader):
    def __init__(self, source: KafkaSource, mark: CheckpointMark | None) -> None:
        self._source = source
        self._slot = slot_of(source.what)
        partitions = source.what.partitions
        # Where blocks were given up to; fetched ones that were not given yet stand in the queue.
        with self._slot.lock:
            # With a mark behind what this process has fetched, a runner goes on from a checkpoint, here or elsewhere.
            behind = isinstance(mark, _Mark) and self._slot.is_beyond(dict(mark.at))
            ends = source.ends() if behind else {}
        self._given = dict(mark.at) if isinstance(mark, _Mark) else {p: source.first[p] for p in partitions}
        for partition, tokens in ends.items():
            self._given[partition] = max(self._given[partition], min(tokens, default=0))
        self._cuts = {p: (*source.cuts.get(p, ()), *ends.get(p, ())) for p in partitions}
        self._fetched = dict(self._given)
        self._queue: deque[tuple[int, Block]] = deque()

    def start(self) -> bool:
        return self.advance()

    def advance(self) -> bool:
        if not self._queue:
            with self._slot.lock:
                for block in self._slot.poll(self._fetched, self._source.stop):
                    partition = int(block.origin.file.rpartition("/")[2])
                    self._fetched[partition] = block.origin.end
                    self._queue.extend((partition, piece) for piece in pieces(block, self._cuts[partition]))
        if not self._queue:
            return False
        partition, self._block = self._queue.popleft()
        self._given[partition] = self._block.origin.end
        return True

    def get_current(self) -> Block:
        return self._block

    def get_current_timestamp(self) -> Timestamp:
        return Timestamp.now()

    def get_watermark(self) -> Timestamp:
        stop = self._source.stop
        if stop is not None and all(self._given[p] >= stop[p] for p in self._given):
            return MAX_TIMESTAMP
        return Timestamp.now()  # of arrival, so nothing is ever late for Beam, and Beam drops nothing

    def get_checkpoint_mark(self) -> CheckpointMark:
        return _Mark(self._given)


def pieces(block: Block, points: tuple[int, ...]) -> list[Block]:
    """The block in parts that no point lies within, each with the messages of its range."""
    spans = list(cut_at(block.origin, points))
    if len(spans) == 1:
        return [block]
    offsets = block.rows.column("offset").to_numpy()
    ends = np.searchsorted(offsets, [span.end for span in spans]).tolist()
    starts = [0, *ends[:-1]]
    return [
        Block(span, block.rows.slice(start, end - start)) for span, start, end in zip(spans, starts, ends, strict=True)
    ]


@dataclass(eq=False)
class ReadKafka(beam.PTransform[beam.Pipeline, PCollection[Block]]):
    """Blocks of messages; those of a partition come in order and follow each other without a gap."""

    source: KafkaSource

    def expand(self, root: beam.Pipeline) -> PCollection[Block]:
        """Lay out the stage."""
        return root | "Poll" >> ReadFromUnboundedSource(
            self.source,
            poll_interval=_IDLE,
            max_records_per_bundle=_BUNDLE_BLOCKS,
            max_read_time_seconds=_BUNDLE_SECONDS,
        )
