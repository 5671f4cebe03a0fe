"""Rules give what DuckDB gives for the same SQL."""

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.rules import compile_expression
from lib.rule_pairs import COLUMNS, SETUP, Pair, rows, rules


@pytest.fixture(scope="module")
def oracle():
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(SETUP)
        yield connection


@given(
    pairs=st.lists(rules(), min_size=1, max_size=12),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_rule_gives_what_sql_gives(oracle, pairs: list[tuple[str, Pair]], seed: int):
    """Any typed rule on any row, nulls and extremes included, gives DuckDB's value for the same SQL."""
    batch = rows(seed, 24)
    raw = {  # times as numbers, so that no value is out of DuckDB's own range
        "seen": batch["seen"].view(pa.int64()),
        "day": batch["day"].view(pa.int32()).cast(pa.int64()),
    }
    data = pa.table({name: raw.get(name, batch[name]) for name in COLUMNS})
    oracle.register("data", data)
    sql = ", ".join(pair.sql for _, pair in pairs)
    expected = list(zip(*oracle.execute(f"SELECT {sql} FROM data").fetchall(), strict=True))  # noqa: S608
    for (kind, pair), values in zip(pairs, expected, strict=True):
        found = compile_expression(pair.rule, COLUMNS)(batch)
        if kind in ("time", "span"):
            found = found.view(pa.int64())
        assert found.to_pylist() == list(values), f"{pair.rule}\n{pair.sql}"
