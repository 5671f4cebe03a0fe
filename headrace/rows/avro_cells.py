"""Decoded Avro records to typed cells."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from headrace.rows.avro_schema import Cell

_LONGEST_DECIMAL = 40  # bytes


def avro_cells(records: Sequence[Mapping[str, Any]], cells: Mapping[str, Cell]) -> pa.RecordBatch:
    """The named fields of the records, each in the type that its schema says.

    Raises:
        Exception: of whatever kind, where a value is none of its type, as an `int` of more than 32 bits is.
    """
    arrays = [_array([record[name] for record in records], cell) for name, cell in cells.items()]
    return pa.RecordBatch.from_arrays(arrays, list(cells))


def _array(values: Sequence[Any], cell: Cell) -> pa.Array:
    if cell.scale is not None:
        return pa.array([None if value is None else _decimal(value, cell.scale) for value in values], pa.string())
    if pa.types.is_timestamp(cell.arrow):
        return pa.array(values, pa.int64()).view(cell.arrow)
    if pa.types.is_date(cell.arrow):
        return pa.array(values, pa.int32()).view(cell.arrow)
    return pa.array(values, cell.arrow)


def _decimal(value: bytes, scale: int) -> str:
    r"""The number as text; one that is too long for any decimal as what it is, which is no number.

    >>> _decimal(b"\xff\x6a", 2)
    '-1.50'
    """
    if len(value) > _LONGEST_DECIMAL:
        return f"0x{value.hex()}"
    digits = str(abs(number := int.from_bytes(value, signed=True)))
    return format(Decimal(f"{'-' if number < 0 else ''}{digits}e-{scale}"), "f")
