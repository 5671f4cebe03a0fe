"""A pattern is looked for in each distinct text once, where that is the cheaper way."""

import pyarrow as pa
import pytest

from headrace.rows.limits import _repeats, limits_of
from headrace.spec.data_set import Column

MANY = 50_000


@pytest.mark.parametrize(
    ("values", "repeats"),
    [
        ([f"N{n}" for n in range(MANY)], False),
        ([f"N{n // 2}" for n in range(MANY)], False),
        ([f"N{n % 1000}" for n in range(MANY)], True),
        ([f"N{n // 50}" for n in range(MANY)], True),
        ([None] * MANY, True),
        (["N1"], True),
        ([], True),
    ],
    ids=["keys", "pairs", "round and round", "sorted", "nulls", "one", "none"],
)
def test_the_way_is_chosen_by_how_many_texts_differ(values, repeats):
    """In whatever order they stand, and the result is that of looking at each one by itself."""
    column = pa.array(values, pa.string())
    assert _repeats(column) is repeats
    (pattern,) = limits_of("a", Column(type="string", regex="7$"))
    assert pattern.broken(column).to_pylist() == [value and not value.endswith("7") for value in values]
