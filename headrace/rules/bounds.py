"""What an expression may hold: finite doubles, times of the years 1 to 9999. All else becomes null."""

import pyarrow as pa
import pyarrow.compute as pc

from headrace.rules.column_type import Kind, Type
from headrace.rules.vectors import int_scalar, text_array

FIRST_TIME = -62_135_596_800_000_000  # 0001-01-01T00:00Z, µs
LAST_TIME = 253_402_300_799_999_999  # 9999-12-31T23:59:59.999999Z
LONGEST = LAST_TIME - FIRST_TIME
_DAY = 86_400_000_000


def finite(values: pa.Array) -> pa.Array:
    """The doubles, with null for NaN and infinities."""
    fine = pc.is_finite(values)
    return pc.if_else(fine, values, _NULL_DOUBLE) if fine.false_count else values


def bounded(kind: Kind, values: pa.Array) -> pa.Array:
    """Dates, timestamps or durations, with null for those no calendar of ours has.

    Of two bounded values no sum or difference can overflow its 64 bits.
    """
    low, high = _BOUNDS[kind]
    return within(values, low, high)


def within(values: pa.Array, low: pa.Scalar, high: pa.Scalar) -> pa.Array:
    """The values, with null for those outside [low, high]."""
    fine = pc.and_(pc.greater_equal(values, low), pc.less_equal(values, high))
    return pc.if_else(fine, values, pa.nulls(1, values.type)[0]) if fine.false_count else values


def _days(micros: int) -> pa.Scalar:
    return text_array(str(micros // _DAY)).cast(pa.int32()).view(pa.date32())[0]


def _micros(kind: Kind, low: int, high: int) -> tuple[pa.Scalar, pa.Scalar]:
    arrow = Type(kind).arrow
    return int_scalar(low, arrow), int_scalar(high, arrow)


_NULL_DOUBLE = pa.nulls(1, pa.float64())[0]
_BOUNDS: dict[Kind, tuple[pa.Scalar, pa.Scalar]] = {
    "date": (_days(FIRST_TIME), _days(LAST_TIME)),
    "timestamp": _micros("timestamp", FIRST_TIME, LAST_TIME),
    "duration": _micros("duration", -LONGEST, LONGEST),
}
