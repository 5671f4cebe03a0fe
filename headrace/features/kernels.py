"""The formulas of the steps: float64 in, float64 out, missing is NaN; each value by itself."""

import zlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.features.view import Float64, numbers

_FEW = 8  # rows up to which a dict beats building a hash table per call

_SEPARATOR = "\x1f"  # ASCII's unit separator stands between the texts that are hashed together


def impute(x: Float64, value: float) -> Float64:
    """The value itself where there is one, else `value`.

    >>> impute(np.array([1.0, np.nan]), 7.0)
    array([1., 7.])
    """
    return np.where(np.isnan(x), value, x)


def missing(x: Float64) -> Float64:
    """1 where x is missing, else 0.

    >>> missing(np.array([1.0, np.nan]))
    array([0., 1.])
    """
    return np.isnan(x).astype(np.float64)


def clip(x: Float64, low: float, high: float) -> Float64:
    """min(max(x, low), high); missing stays missing. On quantiles it is called winsorising (Tukey 1962).

    >>> clip(np.array([-5.0, 3.0, np.nan]), 0.0, 2.0)
    array([ 0.,  2., nan])
    """
    return np.minimum(np.maximum(x, low), high)


def log1p(x: Float64) -> Float64:
    """ln(1 + x), exact near 0 too; missing for x ≤ -1.

    >>> log1p(np.array([0.0, -1.0]))
    array([ 0., nan])
    """
    return np.log1p(np.where(x > -1.0, x, np.nan))


def standardise(x: Float64, mean: float, deviation: float) -> Float64:
    """(x - mean) / deviation, the z-score; a deviation of 0 counts as 1.

    >>> standardise(np.array([1.0, 4.0]), 2.5, 1.5)
    array([-1.,  1.])
    """
    return (x - mean) / (deviation or 1.0)


def stretch(x: Float64, low: float, high: float) -> Float64:
    """(x - low) / (high - low), min-max scaling; a width of 0 counts as 1. Outside of [low, high] it leaves [0, 1].

    >>> stretch(np.array([10.0, 15.0, 30.0]), 10.0, 20.0)
    array([0. , 0.5, 2. ])
    """
    return (x - low) / ((high - low) or 1.0)


def bins(x: Float64, edges: Float64) -> Float64:
    """How many edges are ≤ x: bin i is [edge i, edge i + 1); missing stays missing.

    >>> bins(np.array([-1.0, 0.0, 5.0, np.nan]), np.array([0.0, 10.0]))
    array([ 0.,  1.,  1., nan])
    """
    return np.where(np.isnan(x), np.nan, np.searchsorted(edges, x, side="right"))


class Ranks:
    """The place of each value in a list of values; missing if it is not in it.

    >>> Ranks(pa.array(["UA", "DL"]))(pa.array(["DL", "??", None, "UA"]))
    array([ 1., nan, nan,  0.])
    """

    def __init__(self, values: pa.Array) -> None:
        self._values = values
        self._places = {value: float(place) for place, value in enumerate(values.to_pylist())}

    def __call__(self, column: pa.Array) -> Float64:
        """The places of the column's values."""
        if len(column) <= _FEW:
            return np.array([self._places.get(value, np.nan) for value in column.to_pylist()], np.float64)
        if pa.types.is_floating(column.type):  # Arrow tells -0.0 from 0.0, Python and SQL do not
            column = pa.array(numbers(column) + 0.0, column.type, from_pandas=True)
        return numbers(pc.index_in(column, self._values))


def buckets(columns: Sequence[pa.Array], count: int) -> Float64:
    """CRC-32 of the values' texts, joined by the unit separator, modulo `count`; missing if any value is.

    Texts are as Arrow writes them: 12, true, 2013-01-31, 1.50. Source of the
    idea: Weinberger et al., Feature hashing for large scale multitask learning (2009).

    >>> buckets([pa.array(["JFK", None]), pa.array([7, 8])], 1024)
    array([420.,  nan])
    """
    texts = [column.cast(pa.string()) for column in columns]
    joined = pc.binary_join_element_wise(*texts, _SEPARATOR, null_handling="emit_null")
    encoded = joined.dictionary_encode()
    # One round per distinct text; zlib itself takes some 100 ns.
    codes = np.array([zlib.crc32(text.encode()) % count for text in encoded.dictionary.to_pylist()], np.float64)
    places = encoded.indices
    if places.null_count:
        places = pc.fill_null(places, len(codes))
    found: Float64 = np.append(codes, np.nan)[places.to_numpy()]
    return found
