"""Every row of a block is due, waiting, told of before, or never due."""

import pyarrow as pa
import pytest

from headrace.features.due import Window
from headrace.rows.block import Origin

AT = pa.array([5, 15, 25, None], pa.timestamp("us", "UTC"))


@pytest.mark.parametrize(
    ("after", "new", "due", "counts"),
    [
        (None, True, [True, True, False, False], {"due": 2, "catch_up": 0, "waiting": 1, "built": 0, "never_due": 1}),
        (10, True, [True, True, False, False], {"due": 2, "catch_up": 1, "waiting": 1, "built": 0, "never_due": 1}),
        (10, False, [False, True, False, False], {"due": 1, "catch_up": 0, "waiting": 1, "built": 2, "never_due": 0}),
    ],
)
def test_a_block_is_split_by_time_and_by_what_was_seen(after, new, due, counts):
    """In a file seen before, only what became due since; a row without a time is told by the first build alone."""
    window = Window(after, 20, frozenset({"a"} if new else ()))
    found, told = window.split(Origin("a", 0, 4), AT)
    assert found.to_pylist() == due
    assert told._asdict() == {"origin": Origin("a", 0, 4), "read": 4, **counts}
