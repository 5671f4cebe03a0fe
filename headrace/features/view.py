"""Columns of one batch as numbers, and the way back to float32."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

type Float64 = NDArray[np.float64]
type Float32 = NDArray[np.float32]

LIMIT = 2.0**126
"""From here on a value is missing: XGBoost's last cut is twice the largest value, which float32 must hold."""


def numbers(column: pa.Array) -> Float64:
    """The column as float64, missing as NaN; the same bits for a value wherever it stands.

    Missing is null, NaN, and what is not within ±2^126. Booleans are 0 and 1.
    Integers beyond 2^53 lose their last bits: identifiers of that size belong
    into strings.

    >>> numbers(pa.array([1, None, 3]))
    array([ 1., nan,  3.])
    >>> numbers(pa.array([True, False]))
    array([1., 0.])
    """
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    elif pa.types.is_decimal(column.type):
        column = pc.cast(column, pa.float64(), safe=False)
    # Zero-copy where the column is float64 without nulls: so the result may be read-only.
    values: Float64 = column.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    return _within(values) if pa.types.is_floating(column.type) else values


def _within(values: Float64) -> Float64:
    fits = np.abs(values) < LIMIT
    return values if fits.all() else np.where(fits, values, np.nan)


def to_float32(values: Float64) -> Float32:
    """Round to float32: missing stays NaN, -0.0 becomes 0.0, beyond ±2^126 is missing.

    >>> to_float32(np.array([-0.0, 0.1, 1e300, np.nan]))
    array([0. , 0.1, nan, nan], dtype=float32)
    """
    rounded: Float32 = _within(values).astype(np.float32)
    # Adding 0.0 turns -0.0 into 0.0 and changes nothing else; after rounding, which can make a -0.0.
    rounded += np.float32(0.0)
    return rounded


def from_float32(column: pa.Array) -> Float32:
    """A stored float32 column, null as NaN.

    >>> from_float32(pa.array([0.5, None], pa.float32()))
    array([0.5, nan], dtype=float32)
    """
    values: Float32 = column.to_numpy(zero_copy_only=False)
    return values


class View:
    """The columns of one batch; each is evaluated and turned into numbers at most once.

    What is made of a column is a function of that column alone, so a view
    carries nothing from one batch to the next.
    """

    def __init__(self, rows: pa.RecordBatch, expressions: Mapping[str, Callable[[pa.RecordBatch], Any]]) -> None:
        self.rows = rows
        self._expressions = expressions
        self._arrays: dict[str, pa.Array] = {}
        self._numbers: dict[str, Float64] = {}

    def array(self, name: str) -> pa.Array:
        """The column of that name, or the expression kept under it, evaluated."""
        if (array := self._arrays.get(name)) is None:
            expression = self._expressions.get(name)
            array = self.rows.column(name) if expression is None else expression(self.rows)
            self._arrays[name] = array
        return array

    def numbers(self, name: str) -> Float64:
        """`array(name)` as float64 with NaN; not to be written to."""
        if (values := self._numbers.get(name)) is None:
            values = self._numbers[name] = numbers(self.array(name))
        return values
