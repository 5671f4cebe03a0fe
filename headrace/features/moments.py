"""Count, mean, deviation and extremes of a column, exact and order-free."""

import math
from fractions import Fraction
from typing import Any, Self

import numpy as np

from headrace.features.exact_sum import ExactSum, squares
from headrace.features.view import Float64


class Moments:
    """What mean, standard and min-max need; equal for any order, split and merge. Memory: under 2 kB.

    >>> moments = Moments()
    >>> moments.update(np.array([1.0, np.nan, 4.0]))
    >>> moments.present, moments.mean, moments.deviation
    (2, 2.5, 1.5)
    """

    def __init__(self) -> None:
        self.present = 0
        self.low: float | None = None
        self.high: float | None = None
        self._sum = ExactSum()
        self._squares = ExactSum()

    def update(self, values: Float64) -> None:
        """Take in a batch of `view.numbers`; NaN is missing and does not count."""
        values = values[~np.isnan(values)]
        if not len(values):
            return
        self.present += len(values)
        self._widen(float(values.min()) + 0.0, float(values.max()) + 0.0)
        self._sum.add(values)
        for part in squares(values):
            self._squares.add(part)

    def merge(self, other: Self) -> None:
        """Take in what the other has seen."""
        self.present += other.present
        if other.low is not None and other.high is not None:
            self._widen(other.low, other.high)
        self._sum.merge(other._sum)
        self._squares.merge(other._squares)

    def _widen(self, low: float, high: float) -> None:
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)

    @property
    def mean(self) -> float | None:
        """The float64 nearest to the true mean; None without values."""
        return float(self._sum.value / self.present) if self.present else None

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the values as a whole population, √(E x² - (E x)²); None without values."""
        if not self.present:
            return None
        variance = self._squares.value / self.present - (self._sum.value / self.present) ** 2
        return math.sqrt(max(variance, Fraction(0)))

    def to_json(self) -> dict[str, Any]:
        """Readable and byte-identical for the same values."""
        return {
            "present": self.present,
            "low": self.low,
            "high": self.high,
            "sum": self._sum.to_json(),
            "squares": self._squares.to_json(),
        }

    @classmethod
    def from_json(cls, held: dict[str, Any]) -> Self:
        """Inverse of `to_json`."""
        moments = cls()
        moments.present, moments.low, moments.high = held["present"], held["low"], held["high"]
        moments._sum = ExactSum.from_json(held["sum"])
        moments._squares = ExactSum.from_json(held["squares"])
        return moments
