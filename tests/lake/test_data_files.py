"""Data files are written the cheap way."""

import pyarrow as pa

from headrace.lake.data_files import _repeating


def test_the_first_rows_decide_which_columns_get_a_dictionary():
    """Keys get none, repeated values do; what comes far behind is not counted."""
    rows = 60_000
    table = pa.table(
        {
            "key": range(rows),
            "shop": ["north", "south"] * (rows // 2),
            "settles": [*range(10_000), *[0] * (rows - 10_000)],
        }
    )
    assert _repeating(table) == ["shop"]
