"""Sums of floats that do not depend on their order."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Self

import numpy as np

from headrace.features.view import Float64

_UNIT = 1126  # sums are whole multiples of 2^-1126, so that every float64 and its 53-bit mantissa fit
_CHUNK = 1 << 24  # 27-bit halves of that many values sum exactly in float64


class ExactSum:
    """The exact sum of all finite float64 given to it: equal for any order, split and merge.

    Each value is an integer mantissa times a power of two; mantissas are summed
    per exponent in two halves, which float64 adds without rounding, and the
    sums are gathered in one Python integer of at most some 2,200 bits.

    >>> total = ExactSum([1e100, 1.0, -1e100])
    >>> total.add(np.array([0.1] * 10))
    >>> float(total.value)  # as math.fsum
    2.0
    """

    def __init__(self, values: Iterable[float] = ()) -> None:
        self._units = 0
        self.add(np.fromiter(values, np.float64))

    def add(self, values: Float64) -> None:
        """Add every value; all must be finite."""
        for start in range(0, len(values), _CHUNK):
            self._add(values[start : start + _CHUNK])

    def _add(self, values: Float64) -> None:
        fractions, exponents = np.frexp(values)
        mantissas = np.ldexp(fractions, 53).astype(np.int64)
        lowest = int(exponents.min())
        shifted = exponents - lowest
        high = np.bincount(shifted, weights=mantissas >> 27)
        low = np.bincount(shifted, weights=mantissas & (2**27 - 1))
        for step in np.flatnonzero((high != 0) | (low != 0)).tolist():
            self._units += ((int(high[step]) << 27) + int(low[step])) << (step + lowest - 53 + _UNIT)

    def merge(self, other: Self) -> None:
        """Add what the other has summed."""
        self._units += other._units

    @property
    def value(self) -> Fraction:
        """The sum itself, not rounded; `float()` of it is the nearest float64."""
        return Fraction(self._units, 1 << _UNIT)

    def to_json(self) -> str:
        """The sum in units of 2^-1126, hexadecimal."""
        return hex(self._units)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`."""
        total = cls()
        total._units = int(text, 16)
        return total


def squares(values: Float64) -> tuple[Float64, Float64]:
    """x² as two float64 whose sum is exact, for 2^-480 < |x| < 2^511.

    Source: Dekker, A floating-point technique for extending the available precision (1971).

    >>> product, rest = squares(np.array([0.1]))
    >>> Fraction(product[0]) + Fraction(rest[0]) == Fraction(0.1) ** 2
    True
    """
    scaled = values * 134_217_729.0  # 2^27 + 1
    high = scaled - (scaled - values)
    low = values - high
    product = values * values
    rest = ((high * high - product) + 2.0 * high * low) + low * low
    return product, rest
