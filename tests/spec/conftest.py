"""A small project of a shop, whole and right, for tests that break it."""

from pathlib import Path

import pytest

SHOP = {
    "orders.yaml": """\
dataset: orders
source: {format: csv, path: raw/orders/*.csv, nulls: ["", NA]}
clean:
  customer: upper(trim(customer))
  promised: abs(promised)
derive:
  due: placed + days(promised)
key: [order_id]
time: placed
contract:
  columns:
    order_id: {type: int, required: true, min: 1}
    customer: {type: string, regex: '^C[0-9]+$'}
    placed: {type: timestamp, required: true, min: 2020-01-01}
    promised: {type: int, min: 0, max: 90}
    weight: {type: 'decimal(9,3)', min: 0}
    channel: {type: string, in: [web, shop]}
  rules:
    light_is_fast: weight > 30 or promised < 20
  stop_if: {quarantined_share: 0.05}
known:
  placing: {at: placed, columns: [order_id, customer, placed, promised, weight, channel, due]}
""",
    "deliveries.yaml": """\
dataset: deliveries
source: {format: jsonl, path: raw/deliveries/*.jsonl}
key: [order_id]
time: delivered
lateness: 6h
contract:
  columns:
    order_id: {type: int, required: true}
    delivered: {type: timestamp, required: true, epoch: ms}
    days_late: {type: double}
    carrier: {type: string, path: carrier.name}
known:
  done: {at: delivered, columns: [order_id, delivered, days_late, carrier]}
""",
    "customers.yaml": """\
dataset: customers
source: {format: csv, path: raw/customers.csv, delimiter: ;, decimal: ','}
key: customer
contract:
  columns:
    customer: {type: string, required: true}
    since: {type: date, format: '%d.%m.%Y'}
    discount: {type: double}
    vip: {type: bool}
known: always
""",
    "prices.yaml": """\
dataset: prices
source:
  format: csv
  path: raw/prices/*.csv
  header: [Channel, at, fuel, note]
  rename: {Channel: channel}
  ignore: note
key: [channel, at]
time: at
contract:
  columns:
    channel: {type: string, required: true}
    at: {type: timestamp, required: true, format: '%Y-%m-%d %H:%M', zone: Europe/Vienna}
    fuel: {type: double}
known:
  posted: {at: at, columns: [channel, at, fuel]}
""",
    "late.yaml": """\
model: late
rows: orders
predict_at: placed + hours(1)
label: {from: deliveries, on: key, value: days_late > 0}
joins:
  buyer: {from: customers, on: customer}
  price: {from: prices, on: channel, as_of: at, tolerance: 7d}
features:
  promised: promised
  heavy: weight > 10
  fuel: {take: price, columns: [fuel]}
  discount: {fn: impute, of: buyer.discount, with: 0, indicator: true}
  channel: {fn: vocabulary, of: channel, max: 8}
  who: {fn: hash, of: [channel, buyer.vip], buckets: 64}
  capped: {fn: clip, of: price.fuel * weight, quantiles: [0.01, 0.99]}
  steps: {fn: bins, of: promised, edges: [1, 3, 7]}
split:
  by: predict_at
  train: [2020-01-01, 2021-01-01]
  valid: [2021-01-01, 2021-04-01]
  test: [2021-04-01, 2021-07-01]
train: {objective: binary:logistic, rounds: 50, stop_after: 5, booster: {max_depth: 4, lambda: 2}}
evaluate: {slices: channel, threshold: f1}
score: {since: 2021-07-01T06:00:00+02:00}
""",
}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """The shop's project files in `shop/`, the working directory above it."""
    monkeypatch.chdir(tmp_path)
    folder = Path("shop")
    folder.mkdir()
    for name, text in SHOP.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder
