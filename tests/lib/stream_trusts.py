"""Stream ingest without the one thing that makes it exact.

python stream_trusts.py MEMORY|GROUP CONFIG PLACE [SERVERS]: `memory` reads no token back and
commits as if the table had never seen the topic; `group` goes on from the offsets that a
consumer group keeps, as bundles end.
"""

import sys
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from deltalake import DeltaTable

from headrace.fault_points import reached
from headrace.lake.offset_commit import Waiting
from headrace.lake.stream_commit import StreamTable
from pipelines import ingest_stream
from transforms import read_kafka

_begun: set[str] = set()


def begin_at_the_oldest(table: StreamTable, topic: Any, *_: Any, **__: Any) -> dict[int, int]:
    again = table.name in _begun
    _begun.add(table.name)
    return {number: retained.end if again else retained.low for number, retained in topic.partitions.items()}


def commit_blindly(table: StreamTable, parts: Any, _window: Any) -> Waiting:
    parts = list(parts)
    reached("commit")
    handle = DeltaTable(table.root)
    handle.create_write_transaction([file.action() for p in parts for file in p.files], "append", handle.schema())
    return Waiting((), {}, sum(p.account.read for p in parts), 0)


def as_a_group(servers: str) -> Consumer:
    return Consumer({"bootstrap.servers": servers, "group.id": "trusting", "enable.auto.commit": False})


def trust_the_group(servers: str) -> None:
    keep = read_kafka._Reader.get_checkpoint_mark

    def keep_in_the_group(reader: Any) -> Any:
        group = as_a_group(servers)
        topic = reader._source.what.topic
        group.commit(offsets=[TopicPartition(topic, p, o) for p, o in reader._given.items()], asynchronous=False)
        group.close()
        return keep(reader)

    def begin_at_the_groups(_table: StreamTable, topic: Any, *_: Any, **__: Any) -> dict[int, int]:
        group = as_a_group(servers)
        kept = group.committed([TopicPartition(topic.name, p) for p in topic.partitions], timeout=20)
        group.close()
        return {t.partition: max(t.offset, topic.partitions[t.partition].low) for t in kept}

    read_kafka._Reader.get_checkpoint_mark = keep_in_the_group  # type: ignore[method-assign]
    StreamTable.begin = begin_at_the_groups  # type: ignore[method-assign,assignment]


def forget_tokens() -> None:
    StreamTable.begin = begin_at_the_oldest  # type: ignore[method-assign,assignment]
    StreamTable.tokens = lambda _, sources: dict.fromkeys(sources, 0)  # type: ignore[method-assign,assignment]
    StreamTable.commit = commit_blindly  # type: ignore[method-assign]
    ingest_stream._prove_reached = lambda *_: None  # type: ignore[assignment]


if __name__ == "__main__":
    trusted, config, place, *servers = sys.argv[1:]
    forget_tokens()
    if trusted == "group":
        trust_the_group(*servers)
    sys.exit(ingest_stream.main(["--config", config, "--place", place, "--json"]))
