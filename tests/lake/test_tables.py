"""A table keeps its schema: what it may gain, and what is refused with a cure."""

import datetime as dt

import pyarrow as pa
import pytest

from headrace.failures import DataFailure
from headrace.lake.commit import Token, commit_once
from headrace.lake.data_files import write_small
from headrace.lake.low_water import low_water
from headrace.lake.snapshot import open_snapshot
from headrace.lake.tables import create_table


def test_a_column_that_differs_by_capitals_is_refused(tmp_path):
    """Spark would take both for one; the message names the one the table has."""
    root = str(tmp_path / "t")
    create_table(root, pa.schema([("id", pa.int64())]))
    with pytest.raises(DataFailure, match="the column ID differs only by capitals from id"):
        create_table(root, pa.schema([("ID", pa.int64())]))
    assert open_snapshot(root).schema.names == ["id"]


@pytest.mark.parametrize("lateness", [dt.timedelta(days=1), dt.timedelta(days=999_999_999)])
def test_low_water_ends_with_the_calendar(tmp_path, lateness):
    """However late rows may come, the time through which a table is complete is a time."""
    root = str(tmp_path / "t")
    rows = pa.RecordBatch.from_pydict(
        {"at": pa.array([dt.datetime(1, 1, 1, 12, tzinfo=dt.UTC)], pa.timestamp("us", "UTC"))}
    )
    create_table(root, rows.schema)
    commit_once(root, [Token("a", 1, None)], write_small(root, rows), info={})
    assert low_water(open_snapshot(root), "at", lateness) == dt.datetime.min.replace(tzinfo=dt.UTC)
