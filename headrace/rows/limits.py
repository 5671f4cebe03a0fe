"""The limits of one column: min, max, in, pattern."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from headrace.spec.data_set import Column
from headrace.spec.limits import parse_limit

_LOOKED_AT = 1000

Broken = Callable[[pa.Array], pa.BooleanArray]
"""Which values break a limit; false or null for a null."""


class Limit(NamedTuple):
    """One limit, and the reason for which a value that breaks it is quarantined."""

    reason: str
    broken: Broken


def limits_of(name: str, column: Column) -> list[Limit]:
    """The limits a column declares, in the order min, max, in, pattern.

    >>> [low, allowed] = limits_of("a", Column(type="int", min="1", in_=("0", "2")))
    >>> low.reason, low.broken(pa.array([0, 1, None])).to_pylist()
    ('a.min', [True, False, None])
    >>> allowed.reason, allowed.broken(pa.array([0, 1, None])).to_pylist()
    ('a.in', [False, True, False])
    """
    limits: list[Limit] = []
    if column.min is not None:
        limits.append(Limit(f"{name}.min", partial(_below, low=_scalar(column.min, column))))
    if column.max is not None:
        limits.append(Limit(f"{name}.max", partial(_above, high=_scalar(column.max, column))))
    if column.in_ is not None:
        allowed = [parse_limit(text, column.type) for text in column.in_]
        limits.append(Limit(f"{name}.in", partial(_outside, allowed=pa.array([*allowed, None], column.type.arrow))))
    if column.regex is not None:
        limits.append(Limit(f"{name}.pattern", partial(_unmatched, pattern=column.regex)))
    return limits


def _scalar(text: str, column: Column) -> pa.Scalar:
    return pa.scalar(parse_limit(text, column.type), column.type.arrow)


def _below(values: pa.Array, low: pa.Scalar) -> pa.BooleanArray:
    return pc.less(values, low)


def _above(values: pa.Array, high: pa.Scalar) -> pa.BooleanArray:
    return pc.greater(values, high)


def _outside(values: pa.Array, allowed: pa.Array) -> pa.BooleanArray:
    """`allowed` has a null among its values, so that a null passes."""
    return pc.invert(pc.is_in(values, value_set=allowed))


def _unmatched(values: pa.StringArray, pattern: str) -> pa.BooleanArray:
    """Each distinct text once, where texts repeat: a pattern costs more than looking for repeats."""
    if not _repeats(values):
        return pc.invert(pc.match_substring_regex(values, pattern))
    encoded = values.dictionary_encode()
    return pc.invert(pc.match_substring_regex(encoded.dictionary, pattern)).take(encoded.indices)


def _repeats(values: pa.StringArray) -> bool:
    """Whether there are so few different values, up to about a tenth, that finding the repeats pays.

    Among 1,000 values taken at random, a tenth of 100,000 shows as 95 % different ones.
    """
    if len(values) <= _LOOKED_AT:
        return True
    places = np.random.default_rng(0).choice(len(values), _LOOKED_AT, replace=False, shuffle=False)
    return bool(pc.count_distinct(values.take(pa.array(places))).as_py() <= _LOOKED_AT * 0.95)
