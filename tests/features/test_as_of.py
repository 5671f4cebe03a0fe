"""The as-of join against a loop over all rows that says what is meant."""

import pickle
from datetime import timedelta

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from headrace.features.as_of import AsOfTable

TIME = pa.timestamp("us", "UTC")
TIMES = st.none() | st.integers(-3, 12)
KEYS = st.none() | st.sampled_from(["a", "b", "c"])
SIDE = st.lists(st.tuples(KEYS, TIMES, TIMES, st.none() | st.integers(0, 3)), max_size=14)
PROBES = st.lists(st.tuples(KEYS, TIMES), max_size=14)


def times(values: list[int | None]) -> pa.Array:
    """Small numbers as timestamps in µs."""
    return pa.array(values, pa.int64()).cast(TIME)


def table(side: list[tuple]) -> AsOfTable:
    """A side table of (key, as_of, known, value)."""
    rows = pa.record_batch(
        {
            "key": pa.array([row[0] for row in side], pa.string()),
            "time": times([row[1] for row in side]),
            "value": pa.array([row[3] for row in side], pa.int64()),
        }
    )
    return AsOfTable.build(rows, ["key"], "time", times([row[2] for row in side]), ["value"])


def oracle(side: list[tuple], key: str | None, at: int | None, tolerance: int | None) -> int | None:
    """Straight from the definition: known, latest, last known, greatest, and not too old."""
    seen = [row for row in side if None not in (key, at, *row[:3]) and row[0] == key and max(row[1], row[2]) <= at]
    if not seen:
        return None
    best = max(seen, key=lambda row: (row[1], row[2], row[3] is None, row[3] or 0))
    return None if tolerance is not None and at - best[1] > tolerance else best[3]


@given(SIDE, PROBES, st.none() | st.integers(0, 6), st.randoms(use_true_random=False))
def test_the_latest_known_row_within_the_tolerance(side, probes, tolerance, random):
    """Late corrections, ties, nulls anywhere, known before or after as_of, rows in any order."""
    rows = pa.record_batch({"key": pa.array([k for k, _ in probes], pa.string()), "at": times([t for _, t in probes])})
    expected = [oracle(side, key, at, tolerance) for key, at in probes]
    random.shuffle(side)
    within = None if tolerance is None else timedelta(microseconds=tolerance)
    joined = table(side).join(rows, ["key"], rows.column("at"), within, "s")
    assert joined.column("s__value").to_pylist() == expected
    assert joined.schema.names == ["key", "at", "s__value"]


def test_a_correction_counts_only_once_it_is_known():
    """Before the correction is known the first value is taken, from then on the corrected one."""
    side = table([("a", 1, 2, 10), ("a", 1, 5, 11)])
    rows = pa.record_batch({"key": ["a"] * 3})
    joined = side.join(rows, ["key"], times([1, 4, 5]), None, "s")
    assert joined.column("s__value").to_pylist() == [None, 10, 11]


def test_a_late_older_row_does_not_replace_a_newer_one():
    """A row of an older time that becomes known later never hides the newer one."""
    side = table([("a", 5, 5, 50), ("a", 1, 8, 10)])
    joined = side.join(pa.record_batch({"key": ["a"]}), ["key"], times([9]), None, "s")
    assert joined.column("s__value").to_pylist() == [50]


def test_rows_that_can_never_match_are_counted():
    """A null in key, as_of or known leaves a row out, and `never` says how many."""
    assert table([(None, 1, 1, 0), ("a", None, 1, 0), ("a", 1, None, 0), ("a", 1, 1, 0)]).never == 3


def test_always_known_is_known_at_any_time():
    """The smallest timestamp as known time leaves only as_of to decide."""
    rows = pa.record_batch({"key": ["a"], "time": times([7]), "value": [1]})
    side = AsOfTable.build(rows, ["key"], "time", times([-(2**63) + 1]), ["value"])
    joined = side.join(pa.record_batch({"key": ["a", "a"]}), ["key"], times([6, 7]), None, "s")
    assert joined.column("s__value").to_pylist() == [None, 1]


def test_it_survives_pickling_and_keeps_types():
    """A side table can be sent to a worker; its columns keep their types."""
    side = pickle.loads(pickle.dumps(table([("a", 1, 1, None)])))  # noqa: S301  # our own bytes
    joined = side.join(pa.record_batch({"key": ["a"]}), ["key"], times([1]), timedelta(hours=1), "s")
    assert joined.column("s__value").equals(pa.array([None], pa.int64()))


def test_an_empty_side_and_no_rows():
    """Nothing to join with gives nulls; nothing to join gives nothing."""
    joined = table([]).join(pa.record_batch({"key": ["a"]}), ["key"], times([1]), None, "s")
    assert joined.column("s__value").to_pylist() == [None]
    none = pa.record_batch({"key": pa.array([], pa.string())})
    assert table([("a", 1, 1, 1)]).join(none, ["key"], times([]), None, "s").num_rows == 0
