"""Rows that come with types to rows with values."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from headrace.rows.block import RawBlock
from headrace.rows.cells import as_mask
from headrace.rows.folders import columns_in_rows, folder_cells, repeated
from headrace.rows.header import prove_header
from headrace.rows.lines import Ints
from headrace.rows.parse_cells import failed
from headrace.rows.parse_lines import LineParser
from headrace.rows.parsed import Parsed, RawRow
from headrace.rows.reasons import Reasons
from headrace.rows.row_steps import Rows
from headrace.rows.typed_cells import TypedReader, plain_cells, typed_reader
from headrace.spec.data_set import DataSet

_EXACT = 1 << 53  # doubles up to there are the integers they look like
_ESCAPED = "surrogateescape"  # bytes that are no UTF-8 stay what they are


class RowParser:
    """Parses blocks of Parquet and Avro rows, whose cells mean what their text would mean in CSV."""

    def __init__(self, data: DataSet) -> None:
        self._source = data.source
        self._columns = data.contract.columns
        self._of_rows = tuple(columns_in_rows(data))
        self._from_quarantine = LineParser(data)
        self._readers: dict[tuple[str, pa.DataType], TypedReader] = {}

    def __call__(self, raw: RawBlock) -> Parsed:
        """The rows of a block.

        Raises:
            DataFailure: the block lacks a column of the contract.
        """
        if raw.rows is None:
            return self._from_quarantine(raw)
        prove_header(raw.header, self._of_rows, raw.origin.file)
        cells = [plain_cells(column) for column in raw.rows.columns]
        batch = pa.RecordBatch.from_arrays(cells, raw.rows.schema.names)
        reasons = Reasons(row_faults(batch, self._source.line.max_bytes))
        sound = np.delete(np.arange(batch.num_rows), reasons.lines)
        fit = batch if sound.size == batch.num_rows else batch.take(pa.array(sound))
        places = np.arange(raw.origin.start, raw.origin.start + batch.num_rows)
        given = {name: fit.column(raw.header.index(name)) for name in self._of_rows}
        from_path = folder_cells(raw.origin.file, self._source)
        given |= {name: repeated(cell, sound.size) for name, cell in from_path.items()}
        return Parsed(places, reasons, sound, self._parse(given), lambda at: self._raw(batch, at))

    def _parse(self, given: Mapping[str, pa.Array]) -> Rows:
        columns, fails = {}, {}
        for name in self._columns:
            cells = given[name]
            present, columns[name] = self._reader(name, cells.type)(cells)
            if (misread := failed(present, columns[name])) is not None:
                fails[name] = misread
        return Rows(columns, fails, fails)

    def _reader(self, name: str, arrow: pa.DataType) -> TypedReader:
        key = (name, arrow)
        if key not in self._readers:
            self._readers[key] = typed_reader(self._columns[name], arrow, self._source)
        return self._readers[key]

    def _raw(self, batch: pa.RecordBatch, at: Ints) -> list[RawRow]:
        return [RawRow.of(text, self._source.line.max_bytes) for text in as_json(batch.take(pa.array(at, pa.int64())))]


def row_faults(batch: pa.RecordBatch, max_bytes: int) -> list[tuple[str, Ints]]:
    """Rows whose text no reader may see: a NUL in it, bytes that are no UTF-8, or more than `max_bytes` of it.

    One that is too long is not looked into, as a line of that length is not.
    """
    texts = [column for column in batch.columns if column.type == pa.string()]
    if not texts:
        return []
    found = {
        "line.nul": _any_of([pc.find_substring(text.cast(pa.binary()), b"\0") for text in texts], _is_found),
        "line.utf8": np.unique(np.concatenate([_not_utf8(text) for text in texts])),
    }
    lengths = sum(pc.binary_length(text).fill_null(0).cast(pa.int64()).to_numpy() for text in texts)
    too_long = np.flatnonzero(lengths > max_bytes)
    found = {reason: np.setdiff1d(at, too_long, assume_unique=True) for reason, at in found.items()}
    return [(reason, at) for reason, at in (*found.items(), ("line.too_long", too_long)) if at.size]


def _is_found(places: pa.Array) -> pa.BooleanArray:
    return pc.greater_equal(places, 0)


def _any_of(columns: Sequence[pa.Array], meant: Callable[[pa.Array], pa.BooleanArray]) -> Ints:
    return np.flatnonzero(np.logical_or.reduce([as_mask(meant(column)) for column in columns]))


def _not_utf8(cells: pa.StringArray) -> Ints:
    """Cells that are not UTF-8, each judged alone; found by halving, as most blocks have none."""
    found: list[int] = []
    parts = [(0, len(cells))] if len(cells) else []
    while parts:
        first, end = parts.pop()
        try:
            cells.slice(first, end - first).validate(full=True)
        except pa.ArrowInvalid:
            half = (first + end) // 2
            if end - first == 1:
                found.append(first)
            else:
                parts += [(half, end), (first, half)]
    return np.array(found, np.int64)


def as_json(batch: pa.RecordBatch) -> list[bytes]:
    """Each row as a JSON object of its plain cells; what JSON has no word for is text.

    >>> as_json(pa.RecordBatch.from_pydict({"a": [1], "b": [float("nan")], "c": ["d"]}))
    [b'{"a": 1, "b": "nan", "c": "d"}']
    """
    names, columns = batch.schema.names, [_json_values(column) for column in batch.columns]
    rows = zip(*columns, strict=True)
    return [json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False).encode(errors=_ESCAPED) for row in rows]


def _json_values(column: pa.Array) -> list[Any]:
    if column.type == pa.string():
        cells = column.cast(pa.binary()).to_pylist()
        return [cell if cell is None else cell.decode(errors=_ESCAPED) for cell in cells]
    if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type) or pa.types.is_null(column.type):
        return list(column.to_pylist())
    if pa.types.is_floating(column.type):
        return [_json_number(x) for x in column.to_pylist()]
    return list(column.cast(pa.string()).to_pylist())


def _json_number(value: float | None) -> float | str | None:
    """A number as its text should read: whole ones without a fraction, as integers are read.

    >>> [_json_number(x) for x in (2.0, -0.0, 0.5, float("inf"))]
    [2, -0.0, 0.5, 'inf']
    """
    if value is None or not math.isfinite(value):
        return value and str(value)
    return int(value) if value.is_integer() and value and abs(value) < _EXACT else value
