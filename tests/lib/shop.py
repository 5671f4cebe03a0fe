"""A small project that is nothing like the example: orders of a shop, with dirt where asked for."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

ORDERS = """\
dataset: orders
source: {format: csv, path: raw/orders/*.csv, delimiter: ";", decimal: ",", nulls: ["", "-"]}
derive: {due: placed + days(14)}
key: [id]
time: placed
contract:
  columns:
    id: {type: int, required: true, min: 1}
    placed: {type: timestamp, required: true}
    shop: {type: string, required: true, in: [north, south]}
    amount: {type: double, min: 0, max: 10000}
    note: {type: string}
  rules: {big_needs_note: amount < 900 or note is not null}
known:
  announced: {at: placed - days(2), columns: [id, placed, shop]}
  paid: {at: placed, columns: [amount, note]}
"""

PRICES = """\
dataset: prices
source: {format: jsonl, path: raw/prices.jsonl}
key: [shop, at]
time: at
contract:
  columns:
    shop: {type: string, required: true}
    at: {type: timestamp, required: true}
    price: {type: double, path: detail.price}
known: {seen: {at: at + hours(1), columns: [shop, at, price]}}
"""

REGIONS = """\
dataset: regions
source: {format: csv, path: raw/regions.csv, header: [shop, region, size]}
key: [shop]
contract: {columns: {shop: {type: string}, region: {type: string}, size: {type: int}}}
known: always
"""

MODEL = """\
model: big
rows: orders
predict_at: placed - hours(1)
label: {from: orders, on: key, value: amount > 400}
joins:
  price: {from: prices, on: shop, as_of: at, tolerance: 12h}
  region: {from: regions, on: shop}
features:
  half: id / 2
  price: {take: price, columns: [price]}
  size: {fn: impute, of: region.size, with: median}
  shop: {fn: vocabulary, of: shop}
split: {train: [2024-01-01, 2024-01-10], valid: [2024-01-10, 2024-01-13], test: [2024-01-13, 2024-01-20]}
train: {objective: binary:logistic, workers: 2, rounds: 5}
evaluate: {slices: shop}
"""

START = datetime(2024, 1, 1, tzinfo=UTC)


def write_project(folder: Path, stop_if: float | None = None) -> Path:
    """The project folder `shop` with one data set; returns the data-set file."""
    config = folder / "shop" / "orders.yaml"
    config.parent.mkdir(parents=True, exist_ok=True)
    limit = f"  stop_if: {{quarantined_share: {stop_if}}}\n" if stop_if is not None else ""
    config.write_text(ORDERS.replace("contract:\n", f"contract:\n{limit}"))
    (folder / "raw" / "orders").mkdir(parents=True, exist_ok=True)
    return config


def deliver(folder: Path, name: str, ids: range, bad: frozenset[int] = frozenset()) -> None:
    """One file of orders; the ids in `bad` have a shop that is not allowed."""
    lines = ["id;placed;shop;amount;note"]
    for number in ids:
        shop = "nowhere" if number in bad else ("north", "south")[number % 3 % 2]
        placed = START + timedelta(hours=number)
        lines.append(f'{number};{placed:%Y-%m-%dT%H:%M:%SZ};{shop};{number % 800},5;"a; b"')
    (folder / "raw" / "orders" / name).write_text("\n".join(lines) + "\n")


def write_model(folder: Path, hours: int = 500) -> Path:
    """The rest of the project: two data sets to join, delivered, and the model; returns the model file."""
    for name, text in (("prices", PRICES), ("regions", REGIONS), ("big", MODEL)):
        (folder / "shop" / f"{name}.yaml").write_text(text)
    (folder / "raw" / "regions.csv").write_text("north,cold,7\nwest,wet,9\n")
    price_list(folder, hours)
    return folder / "shop" / "big.yaml"


def price_list(folder: Path, hours: int) -> None:
    """Prices of both shops every five hours; the south has none from hour 100 to hour 200."""
    lines = [
        json.dumps(
            {"shop": shop, "at": f"{START + timedelta(hours=at):%Y-%m-%dT%H:%M:%SZ}", "detail": {"price": at / 4}}
        )
        for at in range(0, hours, 5)
        for shop in ("north", "south")
        if shop == "north" or not 100 <= at < 200
    ]
    (folder / "raw" / "prices.jsonl").write_text("\n".join(lines) + "\n")
