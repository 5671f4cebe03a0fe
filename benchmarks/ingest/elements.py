"""The usual way: the same pipeline in Beam with one row as one element."""

import csv
import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from benchmarks.ingest.orders import CHANNELS, COUNTRIES, SCHEMA

Row = dict[str, Any]

EVENTS = SCHEMA.append(pa.field("total", pa.float64()))
QUARANTINE = pa.schema([("raw", pa.string()), ("reasons", pa.list_(pa.string()))])
_PARSERS: dict[pa.DataType, Callable[[str], Any]] = {
    pa.int64(): int,
    pa.float64(): float,
    pa.string(): str,
    pa.bool_(): {"true": True, "false": False}.__getitem__,
    pa.timestamp("us", tz="UTC"): dt.datetime.fromisoformat,
}
_COLUMNS = [(field.name, _PARSERS[field.type]) for field in SCHEMA]
_NULLABLE = {"shipped_at", "discount", "rating", "coupon"}
_LIMITS = {
    "order_id": (1, 2**63),
    "customer": (1, 10_000_000),
    "quantity": (1, 50),
    "price": (0.01, 10_000),
    "discount": (0, 1),
    "weight": (0, 500),
    "rating": (1, 5),
}
_SETS = {"channel": frozenset(CHANNELS), "country": frozenset(COUNTRIES)}
_PATTERNS = {
    "session": re.compile(r"[0-9a-f]{16}"),
    "product": re.compile(r"[A-Z]{2}[0-9]{5}"),
    "coupon": re.compile(r"[A-Z0-9]{6}"),
}


def ingest(raw: Path, out: Path) -> int:
    """Read, parse, check and write, row by row; returns how many rows were written."""
    with beam.Pipeline(runner="FnApiRunner", argv=["--direct_running_mode=in_memory"]) as root:
        checked = (
            root
            | "Read" >> beam.io.ReadFromText(str(raw / "*.csv"), skip_header_lines=1)
            | "Parse" >> beam.Map(parse)
            | "Check" >> beam.ParDo(_CheckFn()).with_outputs("quarantined", main="accepted")
        )
        _ = checked.accepted | "Write events" >> beam.ParDo(_WriteFn(out / "events", EVENTS))
        _ = checked.quarantined | "Write quarantine" >> beam.ParDo(_WriteFn(out / "quarantine", QUARANTINE))
    return sum(pq.read_metadata(file).num_rows for file in out.rglob("*.parquet"))


def parse(line: str) -> tuple[str, Row, list[str]]:
    """The line, its cells as values, and what could not be read."""
    row: Row = {}
    reasons = []
    for (name, read), cell in zip(_COLUMNS, next(csv.reader([line])), strict=True):
        value = None
        if cell:
            try:
                value = read(cell)
            except (ValueError, KeyError):
                reasons.append(f"{name}.type")
        elif name not in _NULLABLE:
            reasons.append(f"{name}.required")
        row[name] = value
    return line, row, reasons


def broken(row: Row) -> Iterator[str]:
    """The parts of the contract that a row of values breaks."""
    for name, (low, high) in _LIMITS.items():
        if row[name] is not None and not low <= row[name] <= high:
            yield f"{name}.range"
    for name, allowed in _SETS.items():
        if row[name] is not None and row[name] not in allowed:
            yield f"{name}.in"
    for name, pattern in _PATTERNS.items():
        if row[name] is not None and not pattern.fullmatch(row[name]):
            yield f"{name}.regex"
    if row["shipped_at"] is not None and row["ordered_at"] is not None and row["shipped_at"] < row["ordered_at"]:
        yield "shipped_after_ordered"
    if row["rating"] is not None and row["shipped_at"] is None:
        yield "rated_when_shipped"
    if row["total"] is not None and not 0.01 <= row["total"] <= 500_000:
        yield "plausible_total"


class _CheckFn(beam.DoFn):
    def process(self, element: tuple[str, Row, list[str]]) -> Iterator[Any]:  # a row, or what is tagged
        line, row, reasons = element
        if row["product"] is not None:
            row["product"] = row["product"].strip().upper()
        known = row["quantity"] is not None and row["price"] is not None
        row["total"] = row["quantity"] * row["price"] if known else None
        reasons = [*reasons, *broken(row)]
        yield TaggedOutput("quarantined", {"raw": line, "reasons": reasons}) if reasons else row


class _WriteFn(beam.DoFn):
    """Gathers rows into row groups; the end of a bundle closes its file."""

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self._folder = folder
        self._schema = schema

    def start_bundle(self) -> None:
        self._rows: list[Row] = []
        self._file: pq.ParquetWriter | None = None

    def process(self, element: Row) -> None:
        self._rows.append(element)
        if len(self._rows) >= 131_072:
            self._flush()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if self._rows:
            self._flush()
        if self._file is not None:
            self._file.close()
            yield WindowedValue(str(self._file.where), 0, [GlobalWindow()])

    def _flush(self) -> None:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            target = self._folder / f"{uuid.uuid4().hex}.parquet"
            self._file = pq.ParquetWriter(target, self._schema, compression="zstd", compression_level=1)
        self._file.write_table(pa.Table.from_pylist(self._rows, self._schema))
        self._rows = []
