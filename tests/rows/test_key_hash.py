"""The row hash: of the values alone, whatever holds them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rows.key_hash import key_hash

TEXTS = st.lists(st.none() | st.text(max_size=300), min_size=1, max_size=40)


def hashes(**columns: pa.Array) -> list[int]:
    """The hashes of rows with these columns."""
    return key_hash(pa.record_batch(columns), list(columns)).tolist()


@given(TEXTS, st.data())
def test_text_hashes_alike_in_any_slice_and_spelling_of_its_type(texts, data):
    """A text's hash is the same alone, in a slice, as large_string and dictionary-encoded."""
    whole = pa.array(texts, pa.string())
    at = data.draw(st.integers(0, len(texts) - 1))
    expected = hashes(x=whole)
    assert hashes(x=whole.slice(at)) == expected[at:]
    assert hashes(x=pa.array([texts[at]], pa.string())) == [expected[at]]
    assert hashes(x=whole.cast(pa.large_string())) == expected
    assert hashes(x=whole.dictionary_encode()) == expected


@given(TEXTS)
def test_different_texts_have_different_hashes(texts):
    """Two texts share a hash only when they are equal: padding, length and long texts count."""
    found = hashes(x=pa.array(texts, pa.string()))
    assert len(set(found)) == len(set(texts))


@pytest.mark.parametrize(
    "values",
    [
        pa.array([0, 1, -1, 2**62, None, -(2**63)]),
        pa.array([0.0, 1.5, -1.5, 1e-300, None, 1e300]),
        pa.array([True, False, None]),
        pa.array([date(2013, 1, 1), date(1969, 12, 31), None]),
        pa.array([datetime(2013, 1, 1, tzinfo=UTC), datetime(1969, 1, 1, tzinfo=UTC), None]),
        pa.array([timedelta(0), timedelta(seconds=-1), None]),
        pa.array([Decimal("1.50"), Decimal("-1.50"), Decimal("12345678901234567890.12"), None]),
        pa.array(["", "\0", "\0\0", "a", "a\0", "é", "x" * 128, "x" * 129, "x" * 4000, None]),
    ],
    ids=lambda values: str(values.type),
)
def test_every_type_is_hashed_row_by_row(values):
    """Hashing a column gives what hashing each of its values alone gives, and no two values the same."""
    whole = hashes(x=values)
    alone = [hashes(x=values.slice(i, 1))[0] for i in range(len(values))]
    assert whole == alone
    assert len(set(whole)) == len(values)


def test_equal_numbers_are_equal_whatever_their_sign_of_zero_and_unit():
    """-0.0 is 0.0, NaN is missing, and a timestamp is the same instant in s and in ns."""
    assert len(set(hashes(x=pa.array([0.0, -0.0])))) == 1
    assert len(set(hashes(x=pa.array([None, float("nan")], pa.float64())))) == 1
    instants = pa.array([1_357_000_000], pa.timestamp("s", "UTC"))
    assert hashes(x=instants) == hashes(x=instants.cast(pa.timestamp("ns", "UTC")))


def test_columns_count_by_their_place():
    """(a, b) is another key than (b, a), and a null is no empty text."""
    ab, ba = hashes(x=pa.array(["a", "b"]), y=pa.array(["b", "a"]))
    assert ab != ba
    assert len(set(hashes(x=pa.array(["", None]), y=pa.array([None, ""])))) == 2


def test_no_rows_have_no_hashes():
    """An empty batch of any type is hashed to nothing."""
    for kind in (pa.string(), pa.int64(), pa.decimal128(5, 2), pa.null(), pa.float64()):
        assert hashes(x=pa.array([], kind)) == []


def test_hashes_of_a_sequence_are_spread_evenly():
    """Consecutive integers land in all 64 equal ranges of the hash, each within a fifth of its share."""
    found = key_hash(pa.record_batch({"x": np.arange(100_000)}), ["x"])
    shares = np.bincount((found >> np.uint64(58)).astype(np.int64), minlength=64) / len(found)
    assert (np.abs(shares * 64 - 1) < 0.2).all()
