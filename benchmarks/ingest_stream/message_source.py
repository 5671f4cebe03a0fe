"""The usual Kafka source in Beam: one message is one element, given as it is polled."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apache_beam import coders
from apache_beam.io.unbounded_source import CheckpointMark, UnboundedReader, UnboundedSource
from apache_beam.utils.timestamp import MAX_TIMESTAMP, Timestamp
from confluent_kafka import Consumer, TopicPartition


@dataclass(frozen=True)
class MessageSource(UnboundedSource):
    """All partitions of a topic from their first message, each before its stop."""

    servers: str
    topic: str
    stop: Mapping[int, int]

    def split(self, desired_num_splits: int, options: Any = None) -> list["MessageSource"]:  # noqa: ARG002  # Beam's signature
        """One reader: several are no faster in one process."""
        return [self]

    def create_reader(self, options: Any, checkpoint_mark: CheckpointMark | None) -> UnboundedReader:  # noqa: ARG002
        """A reader that goes on at the mark."""
        return _Reader(self, checkpoint_mark)

    def get_checkpoint_mark_coder(self) -> coders.Coder:
        """Marks hold plain numbers."""
        return coders.PickleCoder()

    def default_output_coder(self) -> coders.Coder:
        """Values of messages."""
        return coders.BytesCoder()


class _Mark(CheckpointMark):
    def __init__(self, at: dict[int, int]) -> None:
        self.at = at


class _Reader(UnboundedReader):
    def __init__(self, source: MessageSource, mark: CheckpointMark | None) -> None:
        self._stop = source.stop
        self._at = dict(mark.at) if isinstance(mark, _Mark) else dict.fromkeys(source.stop, 0)
        self._left = sum(source.stop.values()) - sum(self._at.values())
        self._consumer = Consumer({"bootstrap.servers": source.servers, "group.id": "x", "enable.auto.commit": False})
        self._consumer.assign([TopicPartition(source.topic, number, at) for number, at in self._at.items()])

    def start(self) -> bool:
        return self.advance()

    def advance(self) -> bool:
        if not self._left:
            return False
        message = self._consumer.poll(1.0)
        if message is None or message.error() is not None:
            return False
        self._value, self._time = message.value(), message.timestamp()[1]
        self._at[message.partition()] = message.offset() + 1
        self._left -= 1
        return True

    def get_current(self) -> bytes:
        return self._value

    def get_current_timestamp(self) -> Timestamp:
        return Timestamp(micros=self._time * 1000)

    def get_watermark(self) -> Timestamp:
        return Timestamp(micros=self._time * 1000) if self._left else MAX_TIMESTAMP

    def get_checkpoint_mark(self) -> CheckpointMark:
        return _Mark(dict(self._at))

    def close(self) -> None:
        self._consumer.close()
