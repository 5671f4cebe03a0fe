"""When the columns of a row are all known."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from headrace.features.availability import known_times
from headrace.spec.data_set import DataSet
from lib.trade import MODEL, ORDERS, RATES, SHOPS, load

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


def data_set(folder, name: str, rates: str = RATES) -> DataSet:
    """A data set of the project."""
    project = load(folder, ORDERS, rates, SHOPS, MODEL % "  x: amount\n")
    return project.data_sets[name].value


def test_a_row_is_known_with_the_last_of_its_columns(tmp_path):
    """The latest time of all groups counts, and one that is null makes the row unknown for ever."""
    later = "{at: hour + minutes(level), columns: [level]}"
    data = data_set(tmp_path, "rates", RATES.replace("[rate, level]", "[rate]") + f"  counted: {later}\n")
    rows = pa.record_batch(
        {
            "hour": pa.array([NOON] * 3, pa.timestamp("us", "UTC")),
            "lag": pa.array([5, 90, 5]),
            "level": pa.array([30, 30, None], pa.int64()),
        }
    )
    both = known_times(data, ["shop", "hour", "rate", "level"])
    assert both.columns == {"hour", "lag", "level"}
    assert both(rows).to_pylist() == [NOON + timedelta(minutes=30), NOON + timedelta(minutes=90), None]
    assert known_times(data, ["rate"])(rows).to_pylist()[2] == NOON + timedelta(minutes=5)


def test_a_static_table_is_known_before_anything(tmp_path):
    """`always` gives year 1 for every row, and reads no column for it."""
    known = known_times(data_set(tmp_path, "shops"), ["size"])
    assert known.columns == frozenset()
    assert known(pa.record_batch({"size": [1, 2]})).to_pylist() == [datetime(1, 1, 1, tzinfo=UTC)] * 2


def test_columns_without_any_known_time_are_refused(tmp_path):
    """There is no default: where nothing says when a row is known, nothing is assumed."""
    with pytest.raises(ValueError, match="data set rates: no known time for shop, hour; list them under known"):
        known_times(data_set(tmp_path, "rates"), ["shop", "hour"])
