"""One Kafka consumer per process and set of partitions, whatever a runner does with its readers.

A runner may open a reader for every bundle, on any thread. A consumer costs threads,
connections and a second of start, so it stays here, and a reader that goes on where the
last one stopped finds everything fetched already.
"""

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from headrace.failures import DataFailure, PlaceFailure
from headrace.lake.offsets import grown, partition_name
from headrace.rows.block import Block, Origin
from headrace.rows.messages import MESSAGES
from headrace.spec.variables import client_options

POLL = 0.02  # seconds at most; Beam waits longer where there is nothing
LOOK = 10.0  # seconds between looks at the topic itself
PATIENCE = 60.0  # seconds without an answer of any broker
_BLOCK_BYTES = 16_000_000
_MOST, _FIRST = 10_000, 500  # messages of one poll
_REFILL = 10  # ms until a queue that was full is filled again; the client's own second lets it run dry
_NO_TIME = 0  # what the client gives in place of a type of time


_log = logging.getLogger(__name__)


class Fetched(NamedTuple):
    """Which messages a consumer fetches: the same values name the same consumer."""

    servers: str
    options: tuple[tuple[str, str], ...]  # of librdkafka, with ${NAME} for secrets: they are looked up here
    topic: str
    partitions: tuple[int, ...]
    of: int  # partitions the topic had when the run began

    def __repr__(self) -> str:
        return f"Fetched({self.topic}, {self.partitions})"  # Beam puts sources into its messages: no secrets


@dataclass
class ConsumerSlot:
    """A consumer and what it will give next; one reader at a time, under the lock."""

    what: Fetched
    lock: threading.Lock = field(default_factory=threading.Lock)
    _consumer: Any = None
    _at: dict[int, int] = field(default_factory=dict)  # the next offset it gives of each partition
    _open: set[int] = field(default_factory=set)  # partitions that have not come to their stop
    _most: int = _FIRST
    _looked: float = 0.0
    _answered: float = 0.0
    _silent: bool = False  # the last look got no answer
    _missing: bool = False  # the last look did not find the topic

    def is_beyond(self, at: Mapping[int, int]) -> bool:
        """Whether it has given messages behind these offsets, or is new and nobody knows what was read of them."""
        return self._consumer is None or any(self._at.get(partition, 0) > offset for partition, offset in at.items())

    def poll(self, at: Mapping[int, int], stop: Mapping[int, int] | None) -> list[Block]:
        """The messages that follow these offsets: one block for each partition that moved.

        A block's range is from one position of the consumer to the next, so blocks follow
        each other also where offsets are missing: marks of transactions, aborted messages,
        compaction. Nothing at or behind `stop` is given.

        Raises:
            DataFailure: the broker has deleted the next message, or the topic.
            Conflict: partitions were added.
            PlaceFailure: no broker answers, or it refuses.
        """
        going_on = {p for p in at if stop is None or at[p] < stop[p]}
        if self._consumer is None:
            self._consumer = Consumer(_settings(self.what))
            self._answered = self._looked = time.monotonic()
        if self._at != dict(at) or not going_on <= self._open:
            assigned = [TopicPartition(self.what.topic, p, at[p]) for p in sorted(going_on)]
            self._consumer.assign(assigned)
            self._consumer.resume(assigned)  # a partition stays paused when it is assigned anew
            self._at, self._open = dict(at), going_on
        self._look()
        if not going_on:
            return []
        blocks = self._blocks(self._consumer.consume(self._most, POLL), stop or {})
        if ended := [p for p in self._open if stop is not None and self._at[p] >= stop[p]]:
            self._consumer.pause([TopicPartition(self.what.topic, p) for p in ended])
            self._open -= set(ended)
        return blocks

    def _blocks(self, given: Sequence[Message], stop: Mapping[int, int]) -> list[Block]:
        after: dict[int, int] = {}
        messages = [message for message in given if message.error() is None]
        if len(messages) < len(given):
            after = self._ends_told(given)
        blocks = []
        found = dict(_by_partition(messages))
        size = 0
        for partition in [*found, *(after.keys() - found.keys())]:
            rows = _rows(found.get(partition, []))
            size += rows.nbytes
            position = after.get(partition, 0)
            if rows.num_rows:
                position = max(position, rows.column("offset")[-1].as_py() + 1)
            start, end = self._at[partition], min(position, stop.get(partition, position))
            if end > start:
                within = rows.slice(0, int(np.searchsorted(rows.column("offset").to_numpy(), end)))
                blocks.append(Block(Origin(partition_name(self.what.topic, partition), start, end), within))
                self._at[partition] = end
        if messages:
            self._most = max(1, min(_MOST, _BLOCK_BYTES * len(messages) // max(size, 1)))
        return blocks

    def _ends_told(self, given: Iterable[Message]) -> dict[int, int]:
        """How far each partition goes of which the consumer has seen the end; any other news is refused."""
        ends: dict[int, int] = {}
        for message in given:
            if (error := message.error()) is None:
                continue
            if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  # its public name
                _refuse(error, self.what.topic)
                continue
            partition, offset = message.partition(), message.offset()
            assert partition is not None  # an end is told of a partition
            assert offset is not None
            ends[partition] = max(offset, ends.get(partition, 0))
        return ends

    def _look(self) -> None:
        """Ask, now and then, whether a broker still answers and the topic is what it was."""
        now = time.monotonic()
        if now - self._looked < LOOK:
            return
        self._looked = now
        try:
            topic = self._consumer.list_topics(self.what.topic, timeout=2).topics[self.what.topic]
        except KafkaException as silence:
            if now - self._answered > PATIENCE:
                raise PlaceFailure(
                    f"{self.what.servers}: no Kafka broker has answered for {now - self._answered:.0f} s ({silence}); "
                    "what was committed stays, run again when one does"
                ) from silence
            if not self._silent:
                _log.warning(
                    "%s: no Kafka broker answers; the run waits for one, %.0f s at most", self.what.servers, PATIENCE
                )
            self._silent = True
            return
        if self._silent:
            _log.warning("%s: a Kafka broker answers again, reading goes on", self.what.servers)
        self._answered, self._silent = now, False
        if topic.error is not None:
            # Told twice, since brokers that have just come up may not know their topics yet.
            if self._missing:
                _refuse(topic.error, self.what.topic)
            self._missing = True
            return
        self._missing = False
        if len(topic.partitions) > self.what.of:
            raise grown(self.what.topic, self.what.of, len(topic.partitions))


_slots: dict[Fetched, ConsumerSlot] = {}
_slots_lock = threading.Lock()


def slot_of(what: Fetched) -> ConsumerSlot:
    """This process's slot for what is fetched."""
    with _slots_lock:
        return _slots.setdefault(what, ConsumerSlot(what))


def _settings(what: Fetched) -> dict[str, Any]:
    return {
        "fetch.queue.backoff.ms": _REFILL,
        **client_options(dict(what.options)),
        "bootstrap.servers": what.servers,
        "group.id": "headrace",  # asked for by the client; no offset is ever kept under it
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,  # it also tells how far the marks of transactions go
        "auto.offset.reset": "error",  # a deleted message must not be skipped in silence
        "isolation.level": "read_committed",
        "log_level": 0,
    }


def _refuse(error: KafkaError, topic: str) -> None:
    code = error.code()
    if code == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
        raise DataFailure(
            f"topic {topic}: the broker has deleted messages while they were being read ({error.str()}): its retention "
            "is too short, or the topic was made again; lengthen retention.ms of the topic, and run again to see which"
        )
    if code in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION, KafkaError._UNKNOWN_TOPIC):  # noqa: SLF001
        raise DataFailure(
            f"topic {topic}: it is gone ({error.str()}), deleted while it was being read; what was committed stays"
        )
    if error.fatal() or not (error.retriable() or code in _PASSING):
        raise PlaceFailure(f"topic {topic}: the broker refuses to be read: {error.str()}; mend it and run again")


_PASSING = (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._TIMED_OUT)  # noqa: SLF001


def _by_partition(messages: Sequence[Message]) -> Iterator[tuple[int, Sequence[Message]]]:
    """The messages of each partition, in their order."""
    partitions = np.fromiter(map(Message.partition, messages), np.int64, len(messages))
    for partition in np.unique(partitions).tolist():
        at = np.flatnonzero(partitions == partition)
        yield partition, messages if len(at) == len(messages) else [messages[n] for n in at.tolist()]


def _rows(messages: Sequence[Message]) -> pa.RecordBatch:
    """The messages as rows: each of their parts is asked for in one go."""
    kinds, times = zip(*map(Message.timestamp, messages), strict=True) if messages else ((), ())
    known = np.fromiter(kinds, np.int64, len(messages)) != _NO_TIME
    micros = np.fromiter(times, np.int64, len(messages)) * 1000
    return pa.RecordBatch.from_arrays(
        [
            pa.array(np.fromiter(map(Message.offset, messages), np.int64, len(messages))),
            pa.array(micros, pa.int64(), mask=~known).cast(MESSAGES.field("time").type),
            pa.array(list(map(Message.key, messages)), pa.binary()),
            pa.array(list(map(Message.value, messages)), pa.binary()),
        ],
        schema=MESSAGES,
    )
