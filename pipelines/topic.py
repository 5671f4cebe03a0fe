"""What the brokers of a place say of a topic."""

import logging

from headrace.failures import PlaceFailure, UsageFailure
from headrace.lake.offsets import Retained, Topic
from headrace.nearest import nearest
from headrace.spec.place import KafkaPlace

_PATIENCE = 15.0  # seconds for an answer


def look_at(topic: str, kafka: KafkaPlace) -> Topic:
    """The topic's identity and the committed messages that are there now.

    Raises:
        UsageFailure: the place names no brokers, or they have no such topic.
        PlaceFailure: the Kafka client is not installed, or no broker answers.
    """
    if not kafka.servers:
        raise UsageFailure(
            "the place names no Kafka brokers: write `kafka: {servers: host:9092}` into a place file, and give that "
            "with --place"
        )
    try:
        from confluent_kafka import IsolationLevel, KafkaException, TopicCollection, TopicPartition  # noqa: PLC0415
        from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # noqa: PLC0415  # it is public
    except ImportError as lacking:
        raise PlaceFailure(f"{lacking}; topics are read by an extra: pip install 'headrace[kafka]'") from lacking

    silent = logging.getLogger("headrace.kafka")
    silent.addHandler(logging.NullHandler())
    silent.propagate = False  # what matters of it comes as an exception
    try:
        asked = AdminClient({**kafka.options, "bootstrap.servers": kafka.servers}, logger=silent)
        known = asked.list_topics(timeout=_PATIENCE).topics
        if topic not in known:
            near = nearest(topic, [name for name in known if not name.startswith("__")] or ["none"])
            raise UsageFailure(f"{kafka.servers}: no topic {topic}; {near}")
        partitions = [TopicPartition(topic, number) for number in sorted(known[topic].partitions)]
        described = asked.describe_topics(TopicCollection([topic]))[topic].result(_PATIENCE)
        ends = {
            kind: asked.list_offsets(dict.fromkeys(partitions, spec), isolation_level=IsolationLevel.READ_COMMITTED)
            for kind, spec in (("low", OffsetSpec.earliest()), ("end", OffsetSpec.latest()))
        }
        found = {
            p.partition: Retained(*(int(ends[kind][p].result(_PATIENCE).offset) for kind in ("low", "end")))
            for p in partitions
        }
    except (KafkaException, ValueError) as refused:
        raise PlaceFailure(
            f"{kafka.servers}: the Kafka brokers do not answer as they should: {refused}; mend `kafka` in the place "
            "file, or the brokers, and run again"
        ) from refused
    return Topic(topic, str(described.topic_id), found)
