"""The usual way: Beam, one message one element, parsed and checked as a dict, appended with deltalake."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.unbounded_source import ReadFromUnboundedSource
from apache_beam.pvalue import TaggedOutput
from confluent_kafka import Consumer, TopicPartition
from deltalake import WriterProperties, write_deltalake

from benchmarks.ingest.elements import EVENTS, QUARANTINE, Row, broken
from benchmarks.ingest.orders import SCHEMA
from benchmarks.ingest_stream.message_source import MessageSource

_TIMES = ("ordered_at", "shipped_at")
_NULLABLE = {"shipped_at", "discount", "rating", "coupon"}
_WRITTEN_AT_ONCE = 131_072
_KINDS = {"int64": int, "double": (int, float), "string": str, "bool": bool}


def ingest(servers: str, topic: str, out: Path) -> None:
    """From the topic, as far as it goes now, to the tables `out/events` and `out/quarantine`."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "elements"})
    numbers = sorted(consumer.list_topics(topic, timeout=20).topics[topic].partitions)
    ends = [consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=20)[1] for number in numbers]
    consumer.close()
    with beam.Pipeline(runner="FnApiRunner", argv=["--direct_running_mode=in_memory"]) as root:
        checked = (
            root
            | "Read" >> ReadFromUnboundedSource(MessageSource(servers, topic, dict(zip(numbers, ends, strict=True))))
            | "Parse" >> beam.Map(parse)
            | "Check" >> beam.ParDo(_CheckFn()).with_outputs("quarantined", main="accepted")
        )
        _ = checked.accepted | "Write events" >> beam.ParDo(_WriteFn(str(out / "events"), EVENTS))
        _ = checked.quarantined | "Write quarantine" >> beam.ParDo(_WriteFn(str(out / "quarantine"), QUARANTINE))


def parse(message: bytes) -> tuple[bytes, Row, list[str]]:
    """The message, its values, and what is not of its type."""
    given = json.loads(message)
    row: Row = {}
    reasons = []
    for field in SCHEMA:
        value = given.get(field.name)
        if value is None:
            if field.name not in _NULLABLE:
                reasons.append(f"{field.name}.required")
        elif field.name in _TIMES:
            try:
                value = dt.datetime.fromisoformat(value)
            except ValueError:
                value = None
                reasons.append(f"{field.name}.type")
        elif not isinstance(value, _KINDS[str(field.type)]):
            value = None
            reasons.append(f"{field.name}.type")
        row[field.name] = value
    return message, row, reasons


class _CheckFn(beam.DoFn):
    def process(self, element: tuple[bytes, Row, list[str]]) -> Iterator[Any]:  # a row, or what is tagged
        message, row, reasons = element
        if row["product"] is not None:
            row["product"] = row["product"].strip().upper()
        known = row["quantity"] is not None and row["price"] is not None
        row["total"] = row["quantity"] * row["price"] if known else None
        reasons = [*reasons, *broken(row)]
        yield TaggedOutput("quarantined", {"raw": message.decode(), "reasons": reasons}) if reasons else row


class _WriteFn(beam.DoFn):
    """Gathers rows; each append is a commit of its own, the last at the end of the bundle."""

    def __init__(self, root: str, schema: pa.Schema) -> None:
        self._root, self._schema = root, schema

    def start_bundle(self) -> None:
        self._rows: list[Row] = []

    def process(self, element: Row) -> Iterable[None]:
        self._rows.append(element)
        if len(self._rows) >= _WRITTEN_AT_ONCE:
            self.finish_bundle()
        return ()

    def finish_bundle(self) -> None:
        if self._rows:
            rows = pa.Table.from_pylist(self._rows, self._schema)
            as_the_lake = WriterProperties(compression="ZSTD", compression_level=1)
            write_deltalake(self._root, rows, mode="append", writer_properties=as_the_lake)
            self._rows = []
