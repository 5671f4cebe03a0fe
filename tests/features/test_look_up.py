"""The look-up join: one row per key, and no match that is none."""

import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.failures import DataFailure, Failure
from headrace.features import key_index
from headrace.features.look_up import LookUpTable

PARTS = st.tuples(st.none() | st.integers(0, 3), st.none() | st.sampled_from(["", "a", "b", "long" * 50]))


def table(keys: list[tuple], values: list[int]) -> pa.RecordBatch:
    """A table with a two-column key."""
    return pa.record_batch(
        {
            "number": pa.array([k[0] for k in keys], pa.int64()),
            "text": pa.array([k[1] for k in keys], pa.string()),
            "value": pa.array(values, pa.int64()),
        }
    )


@given(st.lists(PARTS, max_size=12, unique=True), st.lists(PARTS, max_size=12))
def test_a_row_finds_exactly_the_row_of_its_key(keys, probes):
    """Over keys of two columns with nulls: what a dict of the keys without nulls says."""
    side = LookUpTable.build(table(keys, list(range(len(keys)))), ["number", "text"], ["value", "text"])
    oracle = {key: value for value, key in enumerate(keys) if None not in key}
    joined = side.join(table(probes, [0] * len(probes)), ["number", "text"], "side")
    assert joined.column("side__value").to_pylist() == [oracle.get(probe) for probe in probes]
    assert joined.schema.names == ["number", "text", "value", "side__value", "side__text"]
    assert side.unkeyed == sum(None in key for key in keys)


def test_a_repeated_key_is_refused_with_examples():
    """The message names five of the repeated keys, the smallest first, with their numbers of rows."""
    keys = [(n, "x") for n in range(7)] * 2 + [(0, "x"), (9, "once"), (None, "x"), (None, "x")]
    with pytest.raises(DataFailure, match=r"7 keys have several: number=0, text=x \(3 rows\); number=1, .*; …"):
        LookUpTable.build(table(keys, [0] * len(keys)), ["number", "text"], ["value"])


def test_key_columns_may_be_called_differently_and_any_spelling_of_text():
    """`on` names the rows' columns in key order; large_string matches string."""
    side = LookUpTable.build(pa.record_batch({"id": ["a", "b"], "v": [1, 2]}), ["id"], ["v"])
    rows = pa.record_batch({"other": pa.array(["b", "?"], pa.large_string())})
    assert side.join(rows, ["other"], "s").column("s__v").to_pylist() == [2, None]


def test_a_key_of_another_type_is_refused():
    """An int never matches string, so it is said instead of joining nothing."""
    side = LookUpTable.build(pa.record_batch({"id": ["a"], "v": [1]}), ["id"], ["v"])
    with pytest.raises(DataFailure, match="join on id: int64 here and string on the other side"):
        side.join(pa.record_batch({"id": [1]}), ["id"], "s")


def test_an_empty_table_matches_nothing():
    """Joining no rows gives nulls of the right type."""
    side = LookUpTable.build(table([], []), ["number"], ["value"])
    joined = side.join(pa.record_batch({"number": [1]}), ["number"], "s")
    assert joined.column("s__value").equals(pa.array([None], pa.int64()))


def test_it_survives_pickling():
    """A side table can be sent to a worker."""
    side = LookUpTable.build(pa.record_batch({"id": ["a", "b"], "v": [1, 2]}), ["id"], ["v"])
    rows = pa.record_batch({"id": ["b"]})
    there = pickle.loads(pickle.dumps(side))  # noqa: S301  # our own bytes
    assert there.join(rows, ["id"], "s").equals(side.join(rows, ["id"], "s"))


def test_colliding_hashes_are_told_apart(monkeypatch):
    """Where two keys share a hash another salt is taken; a stranger with a known hash matches nothing."""
    real = key_index.key_hash

    def weak(rows, columns, *, salt=0):
        return real(rows, columns, salt=salt) % (2 if salt == 0 else 2**8)

    monkeypatch.setattr(key_index, "key_hash", weak)
    side = LookUpTable.build(pa.record_batch({"id": [1, 2, 3], "v": [10, 20, 30]}), ["id"], ["v"])
    assert side.index.salt > 0
    rows = pa.record_batch({"id": list(range(2000))})
    found = side.join(rows, ["id"], "s").column("s__v").to_pylist()
    assert found == [{1: 10, 2: 20, 3: 30}.get(id_) for id_ in range(2000)]


def test_keys_made_to_collide_are_refused(monkeypatch):
    """Keys that share a hash in every way of hashing end in an error, not in a wrong match."""
    monkeypatch.setattr(key_index, "key_hash", lambda rows, *_, **__: np.zeros(rows.num_rows, np.uint64))
    with pytest.raises(Failure, match="different values share a 64-bit hash"):
        LookUpTable.build(pa.record_batch({"id": [1, 2], "v": [1, 2]}), ["id"], ["v"])


def test_nan_is_no_key():
    """A NaN key counts as missing on both sides."""
    side = LookUpTable.build(pa.record_batch({"id": [1.0, float("nan")], "v": [1, 2]}), ["id"], ["v"])
    joined = side.join(pa.record_batch({"id": [float("nan"), -0.0, 1.0]}), ["id"], "s")
    assert (side.unkeyed, joined.column("s__v").to_pylist()) == (1, [None, None, 1])
