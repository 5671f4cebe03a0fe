"""The limit: a plain loop that consumes, parses and checks in Arrow, and appends with deltalake.

It trusts its input: one message that is no JSON, or a cell of another type, ends it. It
keeps no offsets, so it cannot be run again; reasons and places are not kept.
"""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import Consumer, KafkaError, TopicPartition
from deltalake import WriterProperties, write_deltalake
from pyarrow import json

from benchmarks.ingest.orders import CHANNELS, COUNTRIES, SCHEMA

_MOST = 10_000  # messages of one call
_LIMITS = {
    "order_id": (1, None),
    "customer": (1, 10_000_000),
    "quantity": (1, 50),
    "price": (0.01, 10_000),
    "discount": (0, 1),
    "weight": (0, 500),
    "rating": (1, 5),
}
_SETS = {"channel": CHANNELS, "country": COUNTRIES}
_PATTERNS = {"session": "^[0-9a-f]{16}$", "product": "^[A-Z]{2}[0-9]{5}$", "coupon": "^[A-Z0-9]{6}$"}
_REQUIRED = sorted(set(SCHEMA.names) - {"shipped_at", "discount", "rating", "coupon"})
_READ = json.ReadOptions(use_threads=False, block_size=64_000_000)
_PARSE = json.ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="ignore")


def ingest(servers: str, topic: str, out: Path) -> None:
    """From the topic, as far as it goes now, to the tables `out/events` and `out/quarantine`."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "plain",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    left = set(consumer.list_topics(topic, timeout=20).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, partition, 0) for partition in sorted(left)])
    good: list[pa.Table] = []
    bad: list[bytes] = []
    while left:
        values = []
        for message in consumer.consume(_MOST, 1.0):
            if (error := message.error()) is None:
                values.append(message.value())
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # its public name
                left.discard(message.partition())
        if values:
            rows = json.read_json(io.BytesIO(b"\n".join(values)), _READ, _PARSE)
            rows = rows.set_column(
                rows.schema.get_field_index("product"),
                "product",
                pc.utf8_upper(pc.utf8_trim_whitespace(rows.column("product"))),
            )
            rows = rows.append_column(
                "total", pc.multiply(rows.column("quantity").cast("double"), rows.column("price"))
            )
            keeps = kept(rows)
            good.append(rows.filter(keeps))
            bad += [values[at] for at in pc.indices_nonzero(pc.invert(keeps)).to_pylist()]
    consumer.close()
    as_the_lake = WriterProperties(compression="ZSTD", compression_level=1)
    write_deltalake(out / "events", pa.concat_tables(good), writer_properties=as_the_lake)
    write_deltalake(out / "quarantine", pa.table({"raw": pa.array(bad, pa.binary())}), writer_properties=as_the_lake)


def kept(rows: pa.Table) -> pa.ChunkedArray:
    """Which rows keep the contract; a null passes but where it is required."""
    keeps = pa.chunked_array([pa.repeat(True, rows.num_rows)])
    for name in _REQUIRED:
        keeps = pc.and_(keeps, rows.column(name).is_valid())
    for name, (low, high) in _LIMITS.items():
        keeps = pc.and_(keeps, pc.greater_equal(rows.column(name), low).fill_null(True))
        if high is not None:
            keeps = pc.and_(keeps, pc.less_equal(rows.column(name), high).fill_null(True))
    for name, allowed in _SETS.items():
        keeps = pc.and_(keeps, pc.is_in(rows.column(name), value_set=pa.array(allowed)))
    for name, pattern in _PATTERNS.items():
        keeps = pc.and_(keeps, pc.match_substring_regex(rows.column(name), pattern).fill_null(True))
    shipped, rating, total = (rows.column(name) for name in ("shipped_at", "rating", "total"))
    for rule in (
        pc.or_(shipped.is_null(), pc.greater_equal(shipped, rows.column("ordered_at"))),
        pc.or_(rating.is_null(), shipped.is_valid()),
        pc.and_(pc.greater_equal(total, 0.01), pc.less_equal(total, 500_000)),
    ):
        keeps = pc.and_(keeps, rule.fill_null(True))
    return keeps
