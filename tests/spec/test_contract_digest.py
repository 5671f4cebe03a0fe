"""The digest of a contract: it changes exactly when rows would be read or checked otherwise."""

import subprocess
import sys

import pytest

from headrace.spec.digest import contract_digest
from headrace.spec.project import parse_data_set


def digest(text):
    """The digest of a data set's text."""
    return contract_digest(parse_data_set(text, "x.yaml").value)


@pytest.fixture
def orders(shop):
    """The text of a data set with a part for everything."""
    return (shop / "orders.yaml").read_text()


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("raw/orders/*.csv", "elsewhere/*.csv"),
        ("quarantined_share: 0.05", "quarantined_share: 0.5"),
        ("format: csv,", "format: csv, delimiter: ',', trim: false, line: {max_bytes: 1mb},"),
        ("required: true, min: 1}", "min: 1, required: true} # as before"),
        ("known:\n  placing: {at: placed,", "lateness: 1h\nknown:\n  placing: {at: due,"),
    ],
)
def test_what_does_not_decide_rows_does_not_count(orders, was, becomes):
    """Path, stop_if, known times, lateness, comments, order of keys, defaults written out."""
    assert was in orders
    assert digest(orders.replace(was, becomes)) == digest(orders)


def test_the_order_of_columns_and_rules_does_not_count(orders):
    """They are checked all, whatever their order."""
    lines = orders.splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if "promised: {type" in line)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    assert digest("".join(lines)) == digest(orders)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('["", NA]', '[""]'),
        ("format: csv,", "format: csv, quote: '',"),
        ("upper(trim(customer))", "upper(customer)"),
        ("placed + days(promised)", "placed + hours(promised)"),
        ("key: [order_id]", "key: [order_id, placed]"),
        ("time: placed", "time: due"),
        ("max: 90", "max: 91"),
        ("[web, shop]", "[web]"),
        ("promised < 20", "promised < 21"),
        ("light_is_fast", "light_is_quick"),
        ("'decimal(9,3)'", "'decimal(9,2)'"),
    ],
)
def test_what_decides_rows_counts(orders, was, becomes):
    """Every setting by which a row could be read, repaired or judged otherwise."""
    assert was in orders
    assert digest(orders.replace(was, becomes)) != digest(orders)


def test_the_digest_is_the_same_in_every_process(orders, tmp_path):
    """Another process, with another hash seed, gives the same 64 hex digits."""
    (tmp_path / "sealed").write_text(orders)
    code = (
        "from headrace.spec.digest import *; from headrace.spec.project import *; "
        "print(contract_digest(parse_data_set(open('sealed').read(), 'x').value))"
    )
    there = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path, env=_path()
    )
    assert there.stdout.strip() == digest(orders)
    assert len(digest(orders)) == 64


def _path():
    """An environment with another hash seed that finds headrace."""
    return {"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)}
