"""The reader of a contract's column: from its text cells to its values."""

from collections.abc import Callable
from functools import partial

import pyarrow as pa
from pyarrow import compute as pc

from headrace.rows.number_notation import BoolNotation, DecimalNotation, DoubleNotation, IntNotation
from headrace.rows.parse_cells import Notation, parse
from headrace.rows.time_notation import DateNotation, EpochNotation, TimestampNotation
from headrace.rules.node import Kernel
from headrace.rules.time_format import time_reader
from headrace.rules.zone import zone
from headrace.spec.data_set import Column

CellReader = Callable[[pa.StringArray], pa.Array]
"""The value of every cell; null where the cell is null, and where it has no value of the type."""


_PLAIN: dict[str, Notation] = {
    "int": IntNotation(),
    "double": DoubleNotation(),
    "bool": BoolNotation(),
    "date": DateNotation(),
}


def cell_reader(column: Column, decimal: str = ".") -> CellReader:
    """How the cells of a column are read; `decimal` is the decimal mark of its numbers.

    >>> cell_reader(Column(type="double"), ",")(pa.array(["1,5", "1.5", None])).to_pylist()
    [1.5, None, None]
    >>> cell_reader(Column(type="date", format="%d/%m/%Y"))(pa.array(["29/02/2012", "29/02/2013"])).to_pylist()
    [datetime.date(2012, 2, 29), None]

    Raises:
        ValueError: the format cannot be used, or needs a zone, or must not have one.
        KeyError: there is no such zone.
    """
    kind = column.type.kind
    if kind == "string":
        return _as_they_are
    if column.format:
        clock = zone("UTC" if kind == "date" else column.zone) if kind == "date" or column.zone else None
        return partial(_by_format, time_reader(column.format, clock), column.type.arrow)
    read = partial(parse, notation=_notation(column))
    return partial(_with_comma, read) if decimal == "," and _has_mark(column) else read


def _notation(column: Column) -> Notation:
    kind = column.type.kind
    if kind == "timestamp":
        clock = zone(column.zone) if column.zone else None
        return EpochNotation(column.epoch) if column.epoch else TimestampNotation(clock)
    if kind == "decimal":
        return DecimalNotation(column.type.precision, column.type.scale)
    return _PLAIN[kind]


def _has_mark(column: Column) -> bool:
    return column.type.kind in ("double", "decimal") or column.epoch is not None


def _as_they_are(cells: pa.StringArray) -> pa.StringArray:
    return cells


def _by_format(read: Kernel, arrow: pa.DataType, cells: pa.StringArray) -> pa.Array:
    """Each distinct text once: reading by a format costs more than looking for repeats."""
    encoded = cells.dictionary_encode()
    return read(encoded.dictionary).cast(arrow).take(encoded.indices)


def _with_comma(read: CellReader, cells: pa.StringArray) -> pa.Array:
    """Numbers with a decimal comma; a point in them is no decimal mark, so there is no number."""
    unpointed = pc.replace_substring(cells, ".", "?")
    return read(pc.replace_substring(unpointed, ",", "."))
