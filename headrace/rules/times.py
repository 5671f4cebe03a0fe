"""Kernels over timestamps and durations; whatever falls outside `bounds` becomes null."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.rules.arithmetic import rounded
from headrace.rules.bounds import FIRST_TIME, LAST_TIME, LONGEST, bounded, within
from headrace.rules.column_type import Kind, Type
from headrace.rules.node import Kernel
from headrace.rules.vectors import Bools, Floats, Ints, bools_array, floats, int_scalar, ints, ints_array, text_array
from headrace.rules.zone import Zone

_DAY = 86_400_000_000


def _double(value: int) -> pa.Scalar:
    return text_array(str(value)).cast(pa.float64())[0]


_LEAST_DOUBLE, _MOST_DOUBLE = _double(-(1 << 62)), _double(1 << 62)  # fit into 64 bits with room to spare


def scaled(kind: Kind, unit: int, given: Kind) -> Kernel:
    """Numbers of `unit` µs each as timestamps or durations, to the nearest µs, halves away from zero."""
    arrow = Type(kind).arrow
    low, high = (FIRST_TIME, LAST_TIME) if kind == "timestamp" else (-LONGEST, LONGEST)
    lowest, highest = int_scalar(-(-low // unit), pa.int64()), int_scalar(high // unit, pa.int64())
    exact, factor = int_scalar(unit, pa.int64()), _double(unit)

    def from_ints(values: pa.Array) -> pa.Array:
        return pc.multiply(within(values, lowest, highest), exact).view(arrow)

    def from_doubles(values: pa.Array) -> pa.Array:
        micros = rounded(pc.multiply(values, factor))
        whole = pc.cast(within(micros, _LEAST_DOUBLE, _MOST_DOUBLE), pa.int64(), safe=False)
        return bounded(kind, whole.view(arrow))

    return from_ints if given == "int" else from_doubles


def day_of_week(zone: Zone | None) -> Kernel:
    """1 for Monday to 7 for Sunday, in a zone or in UTC."""

    def kernel(instants: pa.Array) -> pa.Array:
        micros = ints(instants)
        days = (zone.local(micros) if zone else micros) // _DAY  # day 0 was a Thursday
        return ints_array((days + 3) % 7 + 1, pa.int64(), known=pc.is_valid(instants))

    return kernel


class Parts(NamedTuple):
    """What a calendar and a clock show; a part that is missing is NaN."""

    year: Floats | float
    month: Floats | float
    day: Floats | float
    hour: Floats | float = 0.0
    minute: Floats | float = 0.0
    second: Floats | float = 0.0
    micro: Floats | float = 0.0


_LEAST = Parts(1, 1, 1)
_MOST = Parts(9999, 12, 31, 23, 59, 59, 999_999)


def clock_times(parts: Parts) -> tuple[Ints, Bools]:
    """The µs since 1970 as the clock shows them, and where the parts name a time that there is.

    >>> micros, real = clock_times(Parts(2013, 2, np.array([28.0, 29.0])))
    >>> micros // 86_400_000_000, real
    (array([15764, 15765]), array([ True, False]))
    """
    given = np.broadcast_arrays(*parts)
    real = np.ones(given[0].shape, np.bool_)
    for part, low, high in zip(given, _LEAST, _MOST, strict=True):
        real &= (low <= part) & (part <= high) & (np.floor(part) == part)
    year, month, day, hour, minute, second, micro = (
        np.where(real, part, low).astype(np.int64) for part, low in zip(given, _LEAST, strict=True)
    )
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    real &= days.astype("datetime64[M]") == months
    seconds = hour * 3600 + minute * 60 + second
    return days.astype(np.int64) * _DAY + seconds * 1_000_000 + micro, real


def instants(local: Ints, real: Bools, zone: Zone) -> pa.Array:
    """Timestamps at which a clock in the zone shows these times; null where it does so twice or never."""
    micros, single = zone.instants(local)
    times = ints_array(micros, Type("timestamp").arrow, known=bools_array(real & single))
    return bounded("timestamp", times)


def from_parts(zone: Zone) -> Kernel:
    """Timestamps from year, month, day, hour and minute in a zone; null where there is no such time."""

    def kernel(*parts: pa.Array) -> pa.Array:
        return instants(*clock_times(Parts(*map(floats, parts))), zone)

    return kernel
