"""Value counts and the sample that stands in for them."""

from fractions import Fraction
from itertools import pairwise
from math import isfinite

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.features import value_counts
from headrace.features.value_counts import Distribution, ValueCounts
from headrace.rows.key_hash import key_hash


def counted(values: list, keys: np.ndarray, order: list[int], cuts: list[int]) -> ValueCounts:
    """Counts of the values in that order, gathered by one worker per part and merged last to first."""
    ends = [0, *sorted(cuts), len(values)]
    parts = []
    for start, end in pairwise(ends):
        chosen = order[start:end]
        part = ValueCounts(pa.int64())
        part.update(pa.array([values[i] for i in chosen], pa.int64()), keys[chosen])
        parts.append(part)
    merged = parts.pop()
    while parts:
        merged.merge(parts.pop())
    return merged


@pytest.mark.parametrize(("cap", "sample"), [(65_536, 16_384), (4, 5)], ids=["exact", "sampled"])
@given(data=st.data())
def test_counts_are_the_same_bytes_in_any_order_split_and_merge(cap, sample, data):
    """Exact or, with tiny limits, sampled: the JSON of any shuffling and merging is that of the whole."""
    values = data.draw(st.lists(st.none() | st.integers(-3, 12) | st.integers(-(2**63), 2**63 - 1), max_size=40))
    # Every key occurs about twice, so that ties must be broken by value.
    keys = key_hash(pa.record_batch({"k": pa.array([i // 2 for i in range(len(values))], pa.int64())}), ["k"])
    order = data.draw(st.permutations(range(len(values))))
    cuts = data.draw(st.lists(st.integers(0, len(values)), max_size=3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(value_counts, "CAP", cap)
        patch.setattr(value_counts, "SAMPLE", sample)
        whole = counted(values, keys, list(range(len(values))), [])
        assert counted(values, keys, order, cuts).to_json() == whole.to_json()
        assert ValueCounts.from_json(whole.to_json()).to_json() == whole.to_json()


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30), st.fractions(0, 1, max_denominator=40))
def test_a_quantile_is_the_lower_empirical_one(values, q):
    """It is the smallest value that at least a share q of the values does not exceed."""
    counts = ValueCounts(pa.int64())
    counts.update(pa.array(values), np.zeros(len(values), np.uint64))
    expected = min(v for v in values if Fraction(sum(w <= v for w in values), len(values)) >= q)
    assert counts.distribution().quantile(q) == expected


def test_the_sample_tells_quantiles_within_its_bound():
    """Of 200,000 distinct values the sampled median is off by less than 1.3 % in rank."""
    counts = ValueCounts(pa.float64())
    values = np.random.default_rng(1).permutation(200_000).astype(float)
    for start in range(0, 200_000, 30_000):
        part = pa.array(values[start : start + 30_000])
        counts.update(part, key_hash(pa.record_batch({"x": part}), ["x"]))
    found = counts.distribution()
    assert not found.exact
    assert counts.present == 200_000
    assert abs(found.quantile(Fraction(1, 2)) / 200_000 - 0.5) < 0.013


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["b", "a", None, "a"]),
        pa.array([True, None, True]),
        pa.array([1.5, -0.0, 0.0, float("nan"), float("inf"), None]),
        pa.array(["1.50", "-2.00", None]).cast(pa.decimal128(12, 2)),
        pa.array(["2013-01-01", None]).cast(pa.date32()),
    ],
    ids=lambda values: str(values.type),
)
def test_every_type_of_value_can_be_counted(values):
    """Any column type survives the way through JSON; missing, NaN and infinities do not count, -0.0 is 0.0."""
    counts = ValueCounts(values.type)
    counts.update(values, np.arange(len(values), dtype=np.uint64))
    back = ValueCounts.from_json(counts.to_json()).distribution()
    assert back.values.equals(counts.distribution().values)
    present = [v for v in values.to_pylist() if v is not None and not (isinstance(v, float) and not isfinite(v))]
    assert sorted(back.values.to_pylist()) == sorted(set(present))
    assert int(back.counts.sum()) == len(present) == counts.present


def test_a_ranking_goes_by_count_then_value():
    """More frequent first, equal counts in rising order, rare ones left out, no longer than asked."""
    found = Distribution(pa.array(["a", "b", "c", "d"]), np.array([2, 5, 2, 1]), exact=True)
    assert found.ranking(9, Fraction(2)).to_pylist() == ["b", "a", "c"]
    assert found.ranking(2, Fraction(1)).to_pylist() == ["b", "a"]
    assert found.ranking(9, Fraction(6)).to_pylist() == []
