"""Messages that are one Avro record each, of unknown origin: their rows, and the messages that are none."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from headrace.failures import DataFailure, UsageFailure
from headrace.rows.avro_cells import avro_cells
from headrace.rows.avro_schema import AvroSchema, Cell, Unfit, read_schema
from headrace.rows.block import Origin, RawBlock
from headrace.rows.folders import columns_in_rows
from headrace.rows.header import columns_of
from headrace.rows.message_rows import MessageRows, Unreadable
from headrace.rows.typed_cells import misfit
from headrace.spec.data_set import DataSet

UNREADABLE = "message.avro"
OTHER_SCHEMA = "message.schema"

_REGISTRY = b"\0"  # and four bytes of the schema's id
_SINGLE_OBJECT = b"\xc3\x01"  # and eight of its fingerprint


class _Writer(NamedTuple):
    """One way in which messages are written."""

    schema: Any  # as fastavro has it
    cells: dict[str, Cell]  # the fields that are kept
    columns: tuple[str, ...]  # of these fields, then those that this schema has not


@dataclass(frozen=True)
class _Frame:
    """What stands before each record and says how it is written."""

    mark: bytes
    size: int


class AvroMessages:
    """Decodes messages, each by itself and in bounded memory, whatever their bytes are.

    A column that one of several schemas lacks is null in its messages, as a key is that a JSON object
    lacks.

    Raises:
        UsageFailure: a schema is none, or its fields do not fit the contract.
    """

    def __init__(self, data: DataSet) -> None:
        given = data.source.schema_
        assert given is not None  # as its references are checked
        match given:
            case str():
                self._frame, named = _Frame(b"", 0), {b"": given}
            case dict():
                self._frame = _Frame(_REGISTRY, 4)
                named = {number.to_bytes(4, "big"): text for number, text in given.items()}
            case _:
                self._frame = _Frame(_SINGLE_OBJECT, 8)
                named = {_fingerprint(text): text for text in given}
        self._writers = _writers({key: _read(text) for key, text in named.items()}, data)
        self._max_bytes = data.source.line.max_bytes

    def __call__(self, file: str, messages: pa.BinaryArray) -> Iterator[MessageRows | Unreadable]:
        """The rows of the messages, schema by schema, and those that are none."""
        values: list[bytes] = messages.to_pylist()
        start = len(self._frame.mark) + self._frame.size
        by: dict[bytes, list[int]] = {}
        refused: dict[str, list[int]] = {}
        for at, value in enumerate(values):
            key = value[len(self._frame.mark) : start]
            if len(value) > self._max_bytes:
                refused.setdefault("line.too_long", []).append(at)
            elif value.startswith(self._frame.mark) and key in self._writers:
                by.setdefault(key, []).append(at)
            else:
                refused.setdefault(OTHER_SCHEMA, []).append(at)
        for key, places in by.items():
            writer = self._writers[key]
            rows, read = _decoded([values[at][start:] for at in places], writer)
            if bad := np.delete(np.array(places), read).tolist():
                refused.setdefault(UNREADABLE, []).extend(bad)
            raw = RawBlock(Origin(file, 0, rows.num_rows), b"", None, writer.columns, rows=rows)
            yield MessageRows(raw, np.arange(rows.num_rows), np.array(places, np.int64)[read])
        for reason, places in refused.items():
            yield Unreadable(reason, np.array(places, np.int64))


def _read(text: str) -> tuple[str, AvroSchema]:
    try:
        return text, read_schema(text.encode())
    except Unfit as why:
        raise UsageFailure(f"source.schema: no schema of messages: {why}; it begins {text[:60]}") from why


def _writers(schemas: Mapping[bytes, tuple[str, AvroSchema]], data: DataSet) -> dict[bytes, _Writer]:
    """How each schema is read; together they have every column of the contract."""
    import fastavro  # noqa: PLC0415  # loaded where there are such messages

    names = dict.fromkeys(name for _, schema in schemas.values() for name in schema.cells)
    try:
        columns = dict(zip(names, columns_of(list(names), "source.schema", data), strict=True))
    except DataFailure as why:
        raise UsageFailure(str(why)) from why
    found = {}
    for key, (text, schema) in schemas.items():
        kept = {name: cell for name, cell in schema.cells.items() if columns[name]}
        wrong = {name: misfit(data.contract.columns[columns[name]], cell.arrow) for name, cell in kept.items()}
        if wrong := {name: why for name, why in wrong.items() if why}:
            told = "; ".join(f"`{name}` {why}" for name, why in wrong.items())
            raise UsageFailure(
                f"source.schema: does not fit the contract of {data.dataset}: {told}; it begins {text[:60]}"
            )
        here = [columns[name] for name in kept]
        absent = [name for name in columns_in_rows(data) if name not in here]
        found[key] = _Writer(fastavro.parse_schema(schema.schema), kept, (*here, *absent))
    return found


def _decoded(values: Sequence[bytes], writer: _Writer) -> tuple[pa.RecordBatch, list[int]]:
    """The records of those values that are one, whole and with nothing behind it, and which these are."""
    from fastavro import schemaless_reader  # noqa: PLC0415

    records: list[Any] = []  # a mapping each, as the schema is one of records
    read = []
    for at, value in enumerate(values):
        source = io.BytesIO(value)
        try:
            record = schemaless_reader(source, writer.schema, None)
        except Exception:  # noqa: BLE001, S112  # whatever a decoder says of odd bytes: the message is none, which is told
            continue
        if source.tell() == len(value):
            records.append(record)
            read.append(at)
    cells, fit = _fitting(records, writer.cells)
    absent = [pa.nulls(cells.num_rows)] * (len(writer.columns) - cells.num_columns)
    return pa.RecordBatch.from_arrays([*cells.columns, *absent], list(writer.columns)), [read[at] for at in fit]


def _fitting(records: Sequence[Mapping[str, Any]], cells: Mapping[str, Cell]) -> tuple[pa.RecordBatch, list[int]]:
    """The cells of those records whose values are all of their types, and which these are; found by halving."""
    try:
        return avro_cells(records, cells), list(range(len(records)))
    except Exception:  # noqa: BLE001  # as above
        if len(records) == 1:
            return avro_cells([], cells), []
    half = len(records) // 2
    (left, first), (right, second) = _fitting(records[:half], cells), _fitting(records[half:], cells)
    (both,) = pa.Table.from_batches([left, right]).combine_chunks().to_batches() or [left]
    return both, [*first, *(half + at for at in second)]


def _fingerprint(text: str) -> bytes:
    """What stands for a schema in single-object encoding.

    >>> _fingerprint('"int"').hex()
    '8f5c393f1ad57572'
    """
    from fastavro.schema import fingerprint, to_parsing_canonical_form  # noqa: PLC0415

    try:
        return bytes.fromhex(fingerprint(to_parsing_canonical_form(json.loads(text)), "CRC-64-AVRO"))
    except Exception as why:  # a library over untrusted text
        raise UsageFailure(f"source.schema: is no schema ({why}); it begins {text[:60]}") from why
