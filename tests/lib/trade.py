"""A project with every kind of step and join, and rows of it with every kind of trouble."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa

from headrace.features.feature_set import FeatureSpec
from headrace.spec.project import Project, load_project

ORDERS = """\
dataset: orders
source: {format: csv, path: raw/orders.csv}
derive:
  due: placed + days(14)
  per_piece: amount / pieces
key: [id]
time: placed
contract:
  columns:
    id: {type: int, required: true}
    placed: {type: timestamp, required: true}
    shop: {type: string}
    "kind of": {type: string}
    amount: {type: double}
    pieces: {type: int}
    price: {type: "decimal(12,2)"}
    gift: {type: bool}
    born: {type: date}
known:
  placed: {at: placed, columns: [id, placed, shop, kind of, amount, pieces, price, gift, born]}
"""
RATES = """\
dataset: rates
source: {format: csv, path: raw/rates.csv}
key: [shop, hour]
time: hour
contract:
  columns:
    shop: {type: string, required: true}
    hour: {type: timestamp, required: true}
    lag: {type: int, required: true, min: 0, max: 120}
    rate: {type: double}
    level: {type: int}
known:
  published: {at: hour + minutes(lag), columns: [rate, level]}
"""
SHOPS = """\
dataset: shops
source: {format: csv, path: raw/shops.csv}
key: [shop]
contract:
  columns:
    shop: {type: string, required: true}
    size: {type: int}
    kind: {type: string}
known: always
"""
MODEL = """\
model: big
rows: orders
predict_at: due - days(7)
label: {from: orders, on: key, value: amount > 100}
joins:
  rates: {from: rates, on: shop, as_of: hour, tolerance: 3h}
  here: {from: shops, on: shop}
features:
%s
split: {train: [2024-01-01, 2024-02-01], valid: [2024-02-01, 2024-03-01]}
train: {objective: "binary:logistic", rounds: 10}
"""
FEATURES = """\
  one: "1"
  shelf: here.size * 2 + pieces
  weekday: dayofweek(placed, 'Europe/Oslo')
  expected: price / 3
  present: gift
  each: per_piece
  log_amount: {fn: log1p, of: amount}
  log_lead: {fn: log1p, of: "(due - placed) / hours(1)"}
  cut: {fn: clip, of: amount, min: -1.5, max: 1000}
  low: {fn: clip, of: amount, min: 0}
  grade: {fn: bins, of: amount, edges: [-1, 0, 0.5, 100]}
  filled: {fn: impute, of: pieces, with: -1, indicator: true}
  route: {fn: hash, of: [shop, kind of, born, pieces, here.kind], buckets: 1024}
  taken: {take: rates, columns: [rate, level]}
  size: {take: here, columns: size}
  mean: {fn: impute, of: amount, with: mean}
  median: {fn: impute, of: rates.rate, with: median, indicator: true}
  mode: {fn: impute, of: pieces, with: mode}
  ratio: {fn: impute, of: amount / pieces, with: median}
  winsor: {fn: clip, of: amount, quantiles: [0.01, 0.99]}
  z: {fn: scale, of: amount}
  unit: {fn: scale, of: price, by: min-max}
  quarter: {fn: bins, of: amount, quantiles: 4}
  shops: {fn: vocabulary, of: shop, max: 3}
  kinds: {fn: vocabulary, of: '"kind of"', min_count: 2}
  numbers: {fn: vocabulary, of: pieces}
  amounts: {fn: vocabulary, of: amount, max: 10}
  days: {fn: vocabulary, of: born}
  prices: {fn: vocabulary, of: price}
  upper_kind: {fn: vocabulary, of: upper(here.kind)}
"""


def load(folder: Path, *texts: str) -> Project:
    """The files, written as a project called `trade` and loaded."""
    project = folder / "trade"
    project.mkdir(exist_ok=True)
    for text in texts:
        (project / f"{text.split()[1]}.yaml").write_text(text)
    return load_project(str(project))


def compile_features(folder: Path, features: str = FEATURES) -> FeatureSpec:
    """These lines of `features`, compiled in the project above."""
    project = load(folder, ORDERS, RATES, SHOPS, MODEL % features)
    return FeatureSpec.compile(project, "big")


def input_rows(count: int, seed: int = 0) -> pa.RecordBatch:
    """Joined input rows, with nulls, extremes, odd texts and zeros of both signs."""
    random = np.random.default_rng(seed)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    doubles = [0.0, -0.0, 0.1, 1e-300, -1.0, 1e39, 1e300, -5e37, 3.14159, 2.5, None]
    ints = [0, 1, 2, 3, -1, 7, 2**53 + 1, 2**62, -(2**63), None]
    texts = ["north", "south", "", "\0", "Ø" * 9, "x" * 200, "north ", None]

    def some(values: list, arrow: pa.DataType, spread: list | None = None) -> pa.Array:
        pool = values + (spread or [])
        return pa.array([pool[i] for i in random.integers(0, len(pool), count)], arrow)

    spread = [float(x) for x in random.normal(50, 30, 60).round(3)]
    placed = [start + timedelta(minutes=int(m)) for m in random.integers(0, 40_000, count)]
    return pa.record_batch(
        {
            "id": pa.array(range(count), pa.int64()),
            "placed": pa.array(placed, pa.timestamp("us", "UTC")),
            "shop": some(texts, pa.string()),
            "kind of": some(["a", "b", "c", None], pa.string()),
            "amount": some(doubles, pa.float64(), spread),
            "pieces": some(ints, pa.int64()),
            "price": some([Decimal("0.00"), Decimal("-0.01"), Decimal("9999999999.99"), None], pa.decimal128(12, 2)),
            "gift": some([True, False, None], pa.bool_()),
            "born": some([date(1969, 12, 31), date(2024, 2, 29), None], pa.date32()),
            "due": pa.array([at + timedelta(days=14) for at in placed], pa.timestamp("us", "UTC")),
            "per_piece": some(doubles, pa.float64()),
            "here__size": some(ints, pa.int64()),
            "here__kind": some(["straße", "B", None], pa.string()),
            "rates__rate": some(doubles, pa.float64(), spread),
            "rates__level": some(ints, pa.int64()),
        }
    )
