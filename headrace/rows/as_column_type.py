"""Numbers of one type in a column of another."""

import pyarrow as pa

from headrace.rows.number_notation import DecimalNotation, DoubleNotation, unscaled
from headrace.rows.parse_cells import parse
from headrace.rules import Type

_WHOLE = DecimalNotation(38, 0)


def as_column_type(values: pa.Array, column: Type) -> pa.Array:
    """The values in the column's type: null where an int or decimal does not hold one exactly.

    A double counts as the shortest decimal that means it, 0.1 as 0.10; in a column
    of doubles any number becomes the nearest.

    >>> as_column_type(pa.array([2.0, 2.5, 1e300, None]), Type("int")).to_pylist()
    [2, None, None, None]
    >>> as_column_type(pa.array([0.1, 0.125, 1e9]), Type("decimal", 5, 2)).to_pylist()
    [Decimal('0.10'), None, None]
    """
    if values.type == column.arrow:
        return values
    texts = values.cast(pa.string())
    match column.kind:
        case "int":
            return unscaled(parse(texts, _WHOLE))
        case "decimal":
            return parse(texts, DecimalNotation(column.precision, column.scale))
        case "double":
            return parse(texts, DoubleNotation())
        case _:  # only null fits everything
            return texts.cast(column.arrow)
