"""Arrow values as JSON and back, without losing a bit."""

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from headrace.rules.column_type import Type

type JSON = bool | int | float | str | list[JSON] | dict[str, JSON] | None

_TAGS = {
    Type(kind).arrow: kind for kind in ("int", "double", "bool", "string", "date", "timestamp", "duration", "null")
} | {pa.float32(): "float"}
_TYPES = {tag: arrow for arrow, tag in _TAGS.items()}


def type_tag(arrow: pa.DataType) -> str:
    """The name of a type as JSON carries it: as a contract writes it, and `float` for a float32 feature.

    >>> type_tag(pa.decimal128(12, 2)), type_tag(pa.float32())
    ('decimal(12,2)', 'float')
    """
    if pa.types.is_decimal(arrow):
        return str(Type("decimal", arrow.precision, arrow.scale))
    return _TAGS[arrow]


def tagged_type(tag: str) -> pa.DataType:
    """Inverse of `type_tag`."""
    return _TYPES[tag] if tag in _TYPES else Type.parse(tag).arrow


def to_json(column: pa.Array) -> list[JSON]:
    """The values of a column: decimals and dates as text, timestamps in µs, floats by their shortest digits.

    >>> to_json(pa.array([date(2013, 1, 1), None]))
    ['2013-01-01', None]
    """
    if pa.types.is_timestamp(column.type) or pa.types.is_duration(column.type):
        column = column.cast(pa.int64())
    elif pa.types.is_decimal(column.type) or pa.types.is_date(column.type):
        column = pc.cast(column, pa.string())
    values: list[JSON] = column.to_pylist()
    return values


def from_json(values: list[JSON], arrow: pa.DataType) -> pa.Array:
    """Inverse of `to_json` for a column of that type.

    >>> from_json(["1.50"], pa.decimal128(12, 2))[0].as_py()
    Decimal('1.50')
    """
    if pa.types.is_timestamp(arrow) or pa.types.is_duration(arrow):
        return pa.array(values, pa.int64()).cast(arrow)
    if pa.types.is_decimal(arrow):
        return pa.array([None if v is None else Decimal(str(v)) for v in values], arrow)
    if pa.types.is_date(arrow):
        return pa.array([None if v is None else date.fromisoformat(str(v)) for v in values], arrow)
    return pa.array(values, arrow)
