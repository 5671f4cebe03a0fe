"""Topics of orders as JSON."""

import uuid

import numpy as np
import polars as pl
import pyarrow as pa
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks.ingest.orders import generate

PARTITIONS = 3
BAD = 0.001
"""The share of messages whose quantity breaks the contract."""

_STEP = 50_000
_OUT_OF_RANGE = "999"


def new_topic(servers: str) -> str:
    """A new topic; returns its name."""
    topic = f"orders-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(20)
    return topic


def topic_of_orders(servers: str, messages: int) -> str:
    """A new topic with that many orders, spread over its partitions; returns its name."""
    topic = new_topic(servers)
    producer = Producer(
        {"bootstrap.servers": servers, "enable.idempotence": True, "compression.type": "lz4", "log_level": 0}
    )
    for start in range(0, messages, _STEP):
        for number, order in enumerate(orders(start, min(_STEP, messages - start))):
            while True:
                try:
                    producer.produce(topic, order, partition=number % PARTITIONS)
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.poll(0)
    if left := producer.flush(120):
        raise RuntimeError(f"{left:,} messages could not be produced")
    return topic


def orders(start: int, count: int) -> list[bytes]:
    """Orders as JSON, one message each: the same bytes for the same arguments."""
    text = generate(start, count, 0)
    bad = np.random.default_rng(start).random(count) < BAD
    quantity = np.where(bad, _OUT_OF_RANGE, text.column("quantity").to_numpy()).astype(np.int64)
    at = text.schema.get_field_index("quantity")
    table = text.set_column(at, "quantity", pa.array(quantity))
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)  # a table is one
    return frame.write_ndjson().encode().splitlines()
