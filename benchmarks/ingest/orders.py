"""A generated log of orders: the same bytes for the same arguments, no two rows alike."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

FILE_ROWS = 500_000
SCHEMA = pa.schema(
    [
        ("order_id", pa.int64()),
        ("customer", pa.int64()),
        ("session", pa.string()),
        ("ordered_at", pa.timestamp("us", tz="UTC")),
        ("shipped_at", pa.timestamp("us", tz="UTC")),
        ("channel", pa.string()),
        ("country", pa.string()),
        ("category", pa.string()),
        ("product", pa.string()),
        ("quantity", pa.int64()),
        ("price", pa.float64()),
        ("discount", pa.float64()),
        ("weight", pa.float64()),
        ("paid", pa.bool_()),
        ("rating", pa.int64()),
        ("coupon", pa.string()),
    ]
)
"""The columns in the files' order, as a reader who knows the types would read them."""

CHANNELS = ("web", "app", "store", "phone", "partner")
COUNTRIES = ("AT", "BE", "CH", "DE", "DK", "ES", "FR", "GB", "IT", "NL", "NO", "SE")
_CATEGORIES = tuple(f"category-{letter}" for letter in "abcdefghijklmnopqrst")
_BROKEN = ("", "x", "12.5", "-3", "999")  # what a damaged `quantity` says
_LAYOUT = 2  # to be raised when other bytes are generated


def orders(rows: int, bad: float) -> Path:
    """A folder of CSV files with that many rows, generated once and then kept.

    Args:
        rows: How many rows in all; `FILE_ROWS` a file.
        bad: The share of rows whose quantity breaks the contract.
    """
    folder = Path(tempfile.gettempdir(), "headrace-benchmarks", f"orders-{_LAYOUT}-{rows}-{bad:g}")
    if not folder.is_dir():
        draft = folder.with_suffix(".tmp")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for number, start in enumerate(range(0, rows, FILE_ROWS)):
            part = generate(start, min(FILE_ROWS, rows - start), bad)
            csv.write_csv(part, draft / f"orders-{number:03}.csv", csv.WriteOptions(quoting_style="none"))
        draft.rename(folder)
    return folder


def generate(start: int, rows: int, bad: float) -> pa.Table:
    """The orders from number `start` on, as the text that goes into the file where text is not obvious."""
    draw = np.random.default_rng(start)
    number = np.arange(start + 1, start + rows + 1)
    ordered = 1_700_000_000 + number * 3 + draw.integers(0, 3_000, rows)
    shipped = draw.random(rows) < 0.9
    rated = shipped & (draw.random(rows) < 0.3)
    discounted = draw.random(rows) < 0.4
    couponed = draw.random(rows) < 0.1
    quantity = draw.integers(1, 51, rows).astype("U4")
    quantity = np.where(draw.random(rows) < bad, draw.choice(_BROKEN, rows), quantity)
    columns = {
        "order_id": number,
        "customer": draw.integers(1, 2_000_000, rows),
        "session": _hex(draw, rows, 16),
        "ordered_at": _clock(ordered),
        "shipped_at": _clock(ordered + draw.integers(3_600, 864_000, rows), shipped),
        "channel": draw.choice(CHANNELS, rows),
        "country": draw.choice(COUNTRIES, rows),
        "category": draw.choice(_CATEGORIES, rows),
        "product": _product(draw.integers(0, 100_000, rows)),
        "quantity": quantity,
        "price": np.round(draw.lognormal(3, 1, rows).clip(0.01, 10_000), 2),
        "discount": pa.array(draw.integers(1, 60, rows) / 100, mask=~discounted),
        "weight": np.round(draw.gamma(2, 2, rows).clip(0, 500), 3),
        "paid": draw.random(rows) < 0.95,
        "rating": pa.array(draw.integers(1, 6, rows), mask=~rated),
        "coupon": pc.if_else(couponed, pc.utf8_upper(_hex(draw, rows, 6)), None),
    }
    return pa.table({name: columns[name] for name in SCHEMA.names})


def _hex(draw: np.random.Generator, rows: int, width: int) -> pa.Array:
    digits = draw.bytes(rows * width // 2).hex().encode()
    return pa.array(np.frombuffer(digits, f"S{width}")).cast(pa.string())


def _clock(seconds: np.ndarray, there: np.ndarray | None = None) -> pa.Array:
    moments = pa.array(seconds, pa.timestamp("s", tz="UTC"), mask=None if there is None else ~there)
    return pc.strftime(moments, format="%Y-%m-%dT%H:%M:%SZ")


def _product(numbers: np.ndarray) -> pa.Array:
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 5, "0")
    prefixes = pa.array(["AB", "CD", "EF", "GH"]).take(pa.array(numbers % 4))
    return pc.binary_join_element_wise(prefixes, digits, "")
