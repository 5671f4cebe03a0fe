"""Exact sums: what math.fsum gives, in any order and split."""

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.features.exact_sum import ExactSum, squares
from headrace.features.moments import Moments
from headrace.features.view import LIMIT

FLOATS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)


@given(st.lists(FLOATS, max_size=60))
def test_the_sum_is_fsum(values):
    """The rounded sum is math.fsum's, subnormals and cancellation included."""
    assert float(ExactSum(values).value) == math.fsum(values)


@given(st.lists(st.floats(-LIMIT, LIMIT), max_size=60), st.randoms(use_true_random=False), st.integers(0, 60))
def test_moments_are_the_same_bytes_in_any_order_split_and_merge(values, random, cut):
    """Mean, deviation and extremes of shuffled parts are byte for byte those of the whole."""
    whole = Moments()
    whole.update(np.array(values, np.float64))
    random.shuffle(values)
    left, right = Moments(), Moments()
    left.update(np.array(values[:cut], np.float64))
    for value in values[cut:]:
        right.update(np.array([value, math.nan]))
    right.merge(left)
    assert right.to_json() == whole.to_json()
    assert Moments.from_json(right.to_json()).to_json() == whole.to_json()


@given(st.floats(min_value=2.0**-480, max_value=2.0**511) | st.just(0.0))
def test_squares_are_exact(x):
    """The two parts of x² sum to it without any rounding."""
    product, rest = squares(np.array([x]))
    assert Fraction(product[0]) + Fraction(rest[0]) == Fraction(x) ** 2


def test_a_constant_column_has_no_deviation():
    """A constant has a deviation of exactly 0, though its square is no float64."""
    moments = Moments()
    moments.update(np.full(1000, 0.1))
    assert (moments.mean, moments.deviation) == (0.1, 0.0)


def test_the_deviation_survives_a_large_offset():
    """1e9 + {0, 1} has a deviation of 0.5, where a float64 sum of squares would have lost it."""
    moments = Moments()
    moments.update(1e9 + np.arange(100.0) % 2)
    assert moments.deviation == 0.5


def test_huge_values_neither_overflow_nor_warn():
    """The largest values that count have a mean, extremes and a deviation."""
    moments = Moments()
    largest = np.nextafter(LIMIT, 0)
    moments.update(np.array([largest, -largest] * 3))
    assert (moments.mean, moments.low, moments.high, moments.deviation) == (0, -largest, largest, largest)


def test_nothing_has_no_moments():
    """Without a value mean and deviation are None."""
    moments = Moments()
    moments.update(np.array([math.nan]))
    assert (moments.present, moments.mean, moments.deviation, moments.low) == (0, None, None, None)
