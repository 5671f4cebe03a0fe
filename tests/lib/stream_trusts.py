"""Stream ingest without one of the things that make it exact.

python stream_trusts.py WHAT CONFIG PLACE [SERVERS], where WHAT is what it trusts:

`memory`: it reads no token back and commits as if the table had never seen the topic.
`group`: it goes on from the offsets that a consumer group keeps, as bundles end.
`blocks`: they all arrive, so it commits what comes; one does not.
`tables`: they are never apart, so each gets all that is read.
`nothing`: the real code, but a block is lost on the way as for `blocks`.
"""

import sys
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from deltalake import CommitProperties, DeltaTable, Transaction

from headrace.fault_points import reached
from headrace.lake.offset_commit import Waiting
from headrace.lake.stream_commit import StreamTable
from headrace.rows.block import Block
from pipelines import ingest_stream
from transforms import check_messages, read_kafka, write_parts

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


def lose_a_block() -> None:
    check, lost = check_messages._CheckFn.process, []

    def process(fn: Any, element: Block) -> Any:
        if lost or not element.rows.num_rows:
            return check(fn, element)
        lost.append(element.origin)
        return iter(())

    check_messages._CheckFn.process = process  # type: ignore[method-assign]


def commit_what_comes(table: StreamTable, parts: Any, _window: Any) -> Waiting:
    parts = list(parts)
    now = table.tokens({span.file for part in parts for span in part.spans})
    for part in parts:
        now.update({file: max(end, now[file]) for file, _, end in part.spans})
    handle = DeltaTable(table.root)
    handle.create_write_transaction(
        [file.action() for part in parts for file in part.files],
        "append",
        handle.schema(),
        commit_properties=CommitProperties(app_transactions=[Transaction(table.app(f), end) for f, end in now.items()]),
    )
    return Waiting((), now, sum(p.account.read for p in parts), 0)


def write_all_that_is_read() -> None:
    def from_the_start(writer: Any) -> None:
        writer._first = dict.fromkeys(writer._first, 0)

    write_parts._WriteFn.setup = from_the_start  # type: ignore[method-assign]


if __name__ == "__main__":
    trusted, config, place, *servers = sys.argv[1:]
    if trusted in ("memory", "group"):
        forget_tokens()
    if trusted == "group":
        trust_the_group(*servers)
    if trusted in ("blocks", "nothing"):
        lose_a_block()
    if trusted in ("blocks", "tables"):
        StreamTable.commit = commit_what_comes  # type: ignore[method-assign]
    if trusted == "tables":
        write_all_that_is_read()
    sys.exit(ingest_stream.main(["--config", config, "--place", place, "--json"]))
