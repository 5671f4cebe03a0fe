"""A small project whose rows come from a topic, and a producer of good messages and poison."""

import gzip
import json
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from deltalake import DeltaTable

from headrace.lake.layout import DataSetFolder
from headrace.lake.stream_account import StreamAccount
from headrace.lake.stream_commit import stream_account

CLICKS = """\
dataset: clicks
source: {format: jsonl, topic: TOPIC}
key: [id]
time: at
lateness: 400d
contract:
  columns:
    id: {type: int, required: true, min: 0}
    at: {type: timestamp, required: true}
    page: {type: string, path: where.page}
  rules: {short: length(page) < 50}
"""
START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=399)
POISON = (
    None,
    b"",
    b"[" * 100_000,
    b'{"id": 1, "at": "\xff"}',
    b'{"id": 1',
    b"null",
    b'{"id": ' + b"9" * 30 + b"}",
    gzip.compress(bytes(10_000_000)),
    b"\xfe\xff\xff\xff\x7f\xfe",  # in Avro the claim of two thousand million items
)


def write_project(folder: Path, servers: str, topic: str, *, runner: str = "") -> Path:
    """The project `web` with one data set, and a place beside it; returns the data-set file."""
    config = folder / "web" / "clicks.yaml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(CLICKS.replace("TOPIC", topic))
    (folder / "place.yaml").write_text(f"place: here\nkafka: {{servers: '{servers}'}}\n{runner}")
    return config


def make_topic(servers: str, partitions: int = 3) -> str:
    """A new topic; returns its name."""
    name = f"clicks-{uuid.uuid4().hex[:8]}"
    make_again(servers, name, partitions)
    return name


def make_again(servers: str, name: str, partitions: int = 3) -> None:
    """A topic of that name."""
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(20)


def click(number: int, *, late: bool = False) -> bytes:
    """A good message; every seventh is pretty-printed."""
    at = START + timedelta(seconds=number % 1000) - timedelta(days=9 if late else 0)
    row = {"id": number, "at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "where": {"page": f"p{number % 17}"}}
    return json.dumps(row, indent=2 if number % 7 == 0 else None).encode()


def send(servers: str, topic: str, ids: range, *, poison_every: int = 0, partitions: int = 3) -> int:
    """Produce clicks over all partitions, with poison among them; returns how many messages were sent."""
    producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True, "linger.ms": 20})
    sent = 0
    for number in ids:
        producer.produce(topic, click(number), key=b"%d" % number, partition=number % partitions)
        sent += 1
        if poison_every and number % poison_every == 0:
            bad = POISON[number // poison_every % len(POISON)]
            producer.produce(topic, bad, key=b"bad%d" % number, partition=number % partitions)
            sent += 1
        producer.poll(0)
    assert producer.flush(30) == 0
    return sent


def sent_messages(servers: str, topic: str) -> dict[tuple[str, int], bytes | None]:
    """Every committed message of a topic by (`topic/partition`, offset): an independent look at what was produced."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "looking",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    found: dict[tuple[str, int], bytes | None] = {}
    left = set(consumer.list_topics(topic, timeout=20).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in left])
    while left:
        for message in consumer.consume(5000, 1):
            if (error := message.error()) is None:
                found[f"{topic}/{message.partition()}", message.offset()] = message.value()
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
                left.discard(message.partition())
    consumer.close()
    return found


def check_exact(folder: Path, servers: str, topic: str) -> StreamAccount:
    """Every message that was produced is in exactly one table, once, and the accounts of both tables say so."""
    lake = DataSetFolder(str(folder / "lake"), "web", "clicks")
    sent = sent_messages(servers, topic)
    events = DeltaTable(lake.events).to_pyarrow_table().to_pylist()
    refused = DeltaTable(lake.quarantine).to_pyarrow_table().to_pylist()
    places = Counter((row["_file"], row["_offset"]) for row in events + refused)
    assert places == Counter(sent.keys())
    for row in events:
        assert json.loads(sent[row["_file"], row["_offset"]] or b"")["id"] == row["id"]
    for row in refused:
        assert row["raw"] == sent[row["_file"], row["_offset"]]
        assert row["reasons"]
    accounts = {repr(account := stream_account(root)): account for root in lake.committed.values()}
    (account,) = accounts.values()
    assert (account.read, account.accepted, account.quarantined) == (len(sent), len(events), len(refused))
    return account
