"""What the brokers of a place say of a topic."""

import datetime as dt
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from headrace.failures import PlaceFailure, UsageFailure
from headrace.lake.offsets import Retained, Topic
from headrace.nearest import nearest
from headrace.spec.place import KafkaPlace
from headrace.spec.variables import client_options

_PATIENCE = 15.0  # seconds for an answer
_GLANCE = 5.0  # where nothing but the answer is wanted


def look_at(topic: str, kafka: KafkaPlace) -> Topic:
    """The topic's identity and the committed messages that are there now.

    Raises:
        UsageFailure: the place names no brokers, or they have no such topic.
        PlaceFailure: the Kafka client is not installed, or no broker answers.
    """
    with _asked(kafka) as (admin, asking):
        known = admin.list_topics(timeout=_PATIENCE).topics
        if topic not in known:
            near = nearest(topic, [name for name in known if not name.startswith("__")] or ["none"])
            raise UsageFailure(f"{kafka.servers}: no topic {topic}; {near}")
        described = admin.describe_topics(asking.TopicCollection([topic]))[topic].result(_PATIENCE)
        numbers = sorted(known[topic].partitions)
        spec = asking.admin.OffsetSpec
        low = _offsets(admin, asking, topic, numbers, spec.earliest())
        end = _offsets(admin, asking, topic, numbers, spec.latest())
    return Topic(topic, str(described.topic_id), {n: Retained(low[n], end[n]) for n in numbers})


def brokers_of(kafka: KafkaPlace) -> str:
    """Which brokers answer, as a person reads it.

    Raises:
        PlaceFailure: the Kafka client is not installed, or no broker answers within seconds.
    """
    with _asked(kafka) as (admin, _):
        brokers = admin.list_topics(timeout=_GLANCE).brokers
    return f"{len(brokers)} Kafka brokers answer at {kafka.servers}"


def offsets_at(topic: Topic, time: dt.datetime, kafka: KafkaPlace) -> dict[int, int]:
    """The first offset of each partition that its broker got at a time or later; its end where there is none.

    Raises:
        PlaceFailure: no broker answers.
    """
    with _asked(kafka) as (admin, asking):
        at = asking.admin.OffsetSpec.for_timestamp(int(time.timestamp() * 1000))
        found = _offsets(admin, asking, topic.name, sorted(topic.partitions), at)
    return {n: offset if offset >= 0 else topic.partitions[n].end for n, offset in found.items()}


def _offsets(admin: Any, asking: Any, topic: str, numbers: Sequence[int], spec: Any) -> dict[int, int]:
    wanted = {asking.TopicPartition(topic, number): spec for number in numbers}
    found = admin.list_offsets(wanted, isolation_level=asking.IsolationLevel.READ_COMMITTED)
    return {partition.partition: int(told.result(_PATIENCE).offset) for partition, told in found.items()}


@contextmanager
def _asked(kafka: KafkaPlace) -> Iterator[tuple[Any, Any]]:
    """A client of the brokers, and the library it is of; what the brokers refuse inside is told with its cure."""
    if not kafka.servers:
        raise UsageFailure(
            "the place names no Kafka brokers: write `place: here` and `kafka: {servers: 'host:9092'}` into a file, "
            "each on a line of its own, and give that with --place"
        )
    try:
        import confluent_kafka as asking  # noqa: PLC0415
        import confluent_kafka.admin  # noqa: PLC0415
    except ImportError as lacking:
        raise PlaceFailure(f"{lacking}; topics are read by an extra: pip install 'headrace[kafka]'") from lacking

    silent = logging.getLogger("headrace.kafka")
    silent.addHandler(logging.NullHandler())
    silent.propagate = False  # what matters of it comes as an exception
    try:
        yield (
            confluent_kafka.admin.AdminClient(
                {**client_options(kafka.options), "bootstrap.servers": kafka.servers}, logger=silent
            ),
            asking,
        )
    except (asking.KafkaException, ValueError) as refused:
        raise PlaceFailure(
            f"{kafka.servers}: the Kafka brokers do not answer as they should: {refused}; mend `kafka` in the place "
            "file, or the brokers, and run again"
        ) from refused
