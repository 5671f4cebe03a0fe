"""Cells that come with a type, such as those of Parquet, to values of a column's type.

What a typed cell means is what its text means: a column reads 5 from an integer and from
"5" alike. Where text would say the same, the cells are converted at once.
"""

from collections.abc import Callable
from functools import partial

import pyarrow as pa
from pyarrow import compute as pc

from headrace.rows.as_column_type import as_column_type
from headrace.rows.cell_reader import CellReader, cell_reader
from headrace.rows.cells import as_mask
from headrace.rows.null_cells import as_nulls
from headrace.rules.bounds import FIRST_TIME, LAST_TIME, bounded, finite, within
from headrace.rules.column_type import Type
from headrace.rules.times import instants
from headrace.rules.vectors import int_scalar, ints, ints_array
from headrace.rules.zone import zone
from headrace.spec.data_set import Column, Source

TypedReader = Callable[[pa.Array], tuple[pa.Array, pa.Array]]
"""The cells with null where they spell it, and the value of each: null where it has none."""

_PER_MICRO = {"s": 1_000_000, "ms": 1_000, "us": 1}
_NANOS = 1_000  # in a microsecond
_NAN = {"nan", "NaN"}
_TEXTS = (pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view())


def misfit(column: Column, arrow: pa.DataType) -> str | None:
    """Why no cell of this type can be read into a column; None if some can.

    >>> misfit(Column(type="int"), pa.list_(pa.int64()))
    'holds list<item: int64>, and a cell holds one value; flatten it, or list it in source.ignore'
    """
    held = plain_type(arrow)
    if pa.types.is_nested(held) or not _has_text(held):
        return f"holds {arrow}, and a cell holds one value; flatten it, or list it in source.ignore"
    if column.type.kind == "timestamp" and column.zone is None:
        if pa.types.is_timestamp(held) and held.tz is None:
            return "holds local times; state their `zone` in the contract"
        if pa.types.is_date(held):
            return "holds days; state the `zone` in whose midnight they begin, or make the column a date"
    return None


def typed_reader(column: Column, arrow: pa.DataType, source: Source) -> TypedReader:
    """How cells of a plain Arrow type are read into a column.

    >>> read = typed_reader(Column(type="int"), pa.float64(), Source(format="parquet", path=""))
    >>> [cells.to_pylist() for cells in read(pa.array([5.0, 0.5, None]))]
    [[5.0, 0.5, None], [5, None, None]]
    """
    if convert := _conversion(column, arrow):
        nan = bool(_NAN & set(source.nulls)) and pa.types.is_floating(arrow)
        return partial(_converted, convert, nan)
    return partial(_from_text, cell_reader(column), source)


def plain_type(arrow: pa.DataType) -> pa.DataType:
    """The type in which such cells are read: of the values themselves, and one for all kinds of text.

    >>> plain_type(pa.dictionary(pa.int8(), pa.large_string()))
    DataType(string)
    """
    held = arrow.value_type if pa.types.is_dictionary(arrow) else arrow
    return pa.string() if held in _TEXTS or pa.types.is_fixed_size_binary(held) else held


def plain_cells(cells: pa.Array) -> pa.Array:
    """The cells in their plain type; text as its bytes are, UTF-8 or not."""
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if pa.types.is_fixed_size_binary(cells.type):
        cells = cells.cast(pa.binary())
    return cells.cast(plain_type(cells.type), safe=False)


def _has_text(arrow: pa.DataType) -> bool:
    """Whether values of a type can be written as text."""
    try:
        pa.nulls(1, arrow).cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return False
    return True


def _from_text(read: CellReader, source: Source, cells: pa.Array) -> tuple[pa.Array, pa.Array]:
    texts = as_nulls(cells.cast(pa.string()), source)
    return texts, read(texts)


def _converted(convert: CellReader, nan_is_null: bool, cells: pa.Array) -> tuple[pa.Array, pa.Array]:
    if nan_is_null:
        cells = pc.if_else(pc.is_nan(cells), pa.scalar(None, cells.type), cells)
    return cells, convert(cells)


def _conversion(column: Column, held: pa.DataType) -> CellReader | None:
    """The way to convert all cells of a type at once; None where their text is read."""
    kind, is_ = column.type.kind, pa.types
    whole, floating = is_.is_integer(held), is_.is_floating(held)
    ways: dict[str, tuple[tuple[bool, CellReader], ...]] = {
        "int": ((whole and held != pa.uint64(), partial(pc.cast, target_type=pa.int64())),),
        "double": ((whole or floating, _nearest),),
        "bool": ((is_.is_boolean(held), _as_they_are),),
        "date": ((held == pa.date32(), partial(bounded, "date")),),
        "timestamp": ((is_.is_timestamp(held), partial(_instants, column)),),
    }
    exactly: tuple[bool, CellReader] = (
        column.type.numeric and (whole or floating or is_.is_decimal(held)),
        partial(_exactly, column.type),
    )
    return next((way for fits, way in (*ways.get(kind, ()), exactly) if fits), None)


def _as_they_are(cells: pa.Array) -> pa.Array:
    return cells


def _nearest(cells: pa.Array) -> pa.Array:
    return finite(cells.cast(pa.float64(), safe=False))


def _exactly(column: Type, cells: pa.Array) -> pa.Array:
    return as_column_type(cells, column)


def _instants(column: Column, cells: pa.Array) -> pa.Array:
    """Times to the microsecond; what is finer is cut off, as it is in text."""
    unit, local = cells.type.unit, cells.type.tz is None
    numbers = cells.view(pa.int64())
    if unit == "ns":
        micros = ints_array(ints(numbers) // _NANOS, pa.int64(), known=numbers.is_valid())
    else:
        factor = _PER_MICRO[unit]
        low, high = (int_scalar(limit, pa.int64()) for limit in (-(-FIRST_TIME // factor), LAST_TIME // factor))
        micros = pc.multiply(within(numbers, low, high), int_scalar(factor, pa.int64()))
    if local:
        shown = bounded("timestamp", micros.view(column.type.arrow))
        return instants(ints(shown), as_mask(shown.is_valid()), zone(column.zone or "UTC"))
    return bounded("timestamp", micros.view(column.type.arrow))
