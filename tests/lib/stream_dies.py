"""Run stream ingest and kill this very process group, for real, at a named point; or break what makes it exact.

python stream_dies.py POINT NTH CONFIG PLACE: SIGKILL at the NTH time the point is passed,
the runner's processes included. `never` kills nobody. `forgetful` reads no token back;
`group` trusts the offsets that a consumer group keeps, and dies before the NTH commit.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from deltalake import DeltaTable

from headrace.lake.data_files import DataFileWriter
from headrace.lake.stream_commit import StreamTable, Waiting
from pipelines import ingest_stream
from transforms import read_kafka

POINTS: dict[str, tuple[Any, str, bool]] = {  # whose method, and whether it is done when the process dies
    "began": (StreamTable, "begin", True),
    "file": (DataFileWriter, "close", True),
    "commit": (StreamTable, "commit", False),
    "committed": (StreamTable, "commit", True),
}


def dying(call: Callable[..., Any], nth: int, *, after: bool) -> Callable[..., Any]:
    passing = itertools.count(1)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        mine = next(passing)  # tables are committed on threads of their own
        if mine == nth and not after:
            os.killpg(0, signal.SIGKILL)
        result = call(*args, **kwargs)
        if mine == nth:
            os.killpg(0, signal.SIGKILL)
        return result

    return wrapped


def begin_at_the_oldest(_table: StreamTable, topic: Any, **_: Any) -> dict[int, int]:
    return {number: retained.low for number, retained in topic.partitions.items()}


def commit_blindly(table: StreamTable, parts: Any) -> Waiting:
    parts = list(parts)
    handle = DeltaTable(table.root)
    handle.create_write_transaction([p.added.action() for p in parts if p.added], "append", handle.schema())
    return Waiting((), {}, sum(p.account.read for p in parts))


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

    def begin_at_the_groups(_table: StreamTable, topic: Any, **_: Any) -> dict[int, int]:
        group = as_a_group(servers)
        kept = group.committed([TopicPartition(topic.name, p) for p in topic.partitions], timeout=20)
        group.close()
        return {t.partition: max(t.offset, topic.partitions[t.partition].low) for t in kept}

    read_kafka._Reader.get_checkpoint_mark = keep_in_the_group  # type: ignore[method-assign]
    StreamTable.begin = begin_at_the_groups  # type: ignore[method-assign,assignment]


def forget_tokens() -> None:
    StreamTable.begin = begin_at_the_oldest  # type: ignore[method-assign,assignment]
    StreamTable.commit = commit_blindly  # type: ignore[method-assign]
    ingest_stream._prove_reached = lambda *_: None  # type: ignore[assignment]


if __name__ == "__main__":
    point, nth, config, place, *more = sys.argv[1:]
    if point in ("forgetful", "group"):
        forget_tokens()
    if point == "group":
        trust_the_group(more.pop())
        point = "commit"
    if point in POINTS:
        owner, name, after = POINTS[point]
        setattr(owner, name, dying(getattr(owner, name), int(nth), after=after))
    sys.exit(ingest_stream.main(["--config", config, "--place", place, "--json", *more]))
