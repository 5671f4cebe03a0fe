"""A small project that is nothing like the example: orders of a shop, with dirt where asked for."""

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
known: {placed: {at: placed, columns: [id, placed, shop, amount, note]}}
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
