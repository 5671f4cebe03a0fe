"""The schema of an Avro file of unknown origin, made harmless before anything is decoded by it.

Logical types are taken out and strings become bytes, which are written alike: then one odd
cell cannot stop the decoder, and is judged as a cell of its own row.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pyarrow as pa

Schema = Any
"""As JSON has it: a name, a list of branches, or a mapping with `type`."""

_DEEPEST = 32
_MOST_NODES = 20_000  # values that one row can have without a single array
_WIDTHS = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1}
_ARROW = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int64(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "string": pa.binary(),
    "fixed": pa.binary(),
    "enum": pa.string(),
}
_UNITS = {"millis": "ms", "micros": "us", "nanos": "ns"}
NESTED = pa.struct([])
"""Stands for whatever is no single value."""


class Cell(NamedTuple):
    """What a field holds: its Arrow type, and of decimals the digits behind the point."""

    arrow: pa.DataType
    scale: int | None = None


class AvroSchema(NamedTuple):
    """What is decoded by, and what the fields of a row are."""

    schema: Schema
    cells: dict[str, Cell]
    width: int  # the fewest bytes of a row


class Unfit(ValueError):
    """A schema that is none, or by which a few bytes could mean very many values."""


def read_schema(text: bytes) -> AvroSchema:
    """The schema, fit to decode with.

    Raises:
        Unfit: it is no schema of records, is recursive, or has values that take no bytes without end.
    """
    try:
        schema = json.loads(text)
        if not (isinstance(schema, dict) and schema.get("type") == "record"):
            raise Unfit("its rows are no records")
        walk = _Walk()
        plain, width, _ = walk(schema, 0)
        cells = {str(field["name"]): _cell(field["type"], walk.kinds) for field in schema["fields"]}
    except (KeyError, TypeError, RecursionError, AttributeError, ValueError) as fault:
        raise fault if isinstance(fault, Unfit) else Unfit(f"its schema is none: {fault!r}") from fault
    if not width:
        raise Unfit("its rows may take no bytes, so that nobody knows how many there are")
    return AvroSchema(plain, cells, width)


class _Node(NamedTuple):
    schema: Schema
    width: int  # the fewest bytes of a value
    nodes: int  # the most values in it, but for the items of arrays and maps


class _Walk:
    """Makes a schema harmless; one walk knows the names that it has passed."""

    def __init__(self) -> None:
        self._named: dict[str, _Node | None] = {}  # None: we are within it
        self.kinds: dict[str, str] = {}  # of the names

    def __call__(self, schema: Schema, depth: int) -> _Node:
        if depth > _DEEPEST:
            raise Unfit(f"its schema nests deeper than {_DEEPEST}")
        if isinstance(schema, list):
            return self._union(schema, depth)
        return self._by_name(schema) if isinstance(schema, str) else self._by_kind(schema, depth)

    def _by_kind(self, schema: dict[str, Any], depth: int) -> _Node:
        match schema["type"]:
            case "record" | "error":
                return self._record(schema, depth)
            case "enum":
                return self._keep(schema, _Node(_without_logic(schema), 1, 1))
            case "fixed":
                return self._keep(schema, _Node(_without_logic(schema), int(schema["size"]), 1))
            case "array" | "map" as kind:
                key = "items" if kind == "array" else "values"
                inner = self(schema[key], depth + 1)
                if kind == "array" and not inner.width:
                    raise Unfit("it has arrays of values that take no bytes, so that six bytes can mean millions")
                return _Node({"type": kind, key: inner.schema}, 1, 1)
            case other:
                return self(other, depth + 1)

    def _by_name(self, name: str) -> _Node:
        if name in _WIDTHS:
            return _Node("bytes" if name == "string" else name, _WIDTHS[name], 1)
        if name not in self._named:
            raise Unfit(f"its schema names {name}, and does not say what that is")
        found = self._named[name]
        if found is None:
            raise Unfit(f"its schema is recursive: {name} holds itself")
        return found._replace(schema=name)

    def _union(self, branches: list[Schema], depth: int) -> _Node:
        nodes = [self(branch, depth + 1) for branch in branches]
        plain = [node.schema for node in nodes]
        if plain.count("bytes") > 1:  # bytes and strings side by side
            raise Unfit("it has unions of bytes and strings")
        return _Node(plain, 1 + min(node.width for node in nodes), max(node.nodes for node in nodes))

    def _record(self, schema: dict[str, Any], depth: int) -> _Node:
        for name in _names(schema):
            self._named[name] = None
        fields = [(field["name"], self(field["type"], depth + 1)) for field in schema["fields"]]
        nodes = 1 + sum(node.nodes for _, node in fields)
        if nodes > _MOST_NODES:
            raise Unfit(f"one of its rows may have {nodes:,} values; up to {_MOST_NODES:,} are read")
        plain = {
            **_named(schema),
            "type": "record",
            "fields": [{"name": name, "type": node.schema} for name, node in fields],
        }
        return self._keep(schema, _Node(plain, sum(node.width for _, node in fields), nodes))

    def _keep(self, schema: dict[str, Any], node: _Node) -> _Node:
        for name in _names(schema):
            self._named[name], self.kinds[name] = node, schema["type"]
        return node


def _names(schema: dict[str, Any]) -> tuple[str, str]:
    """What a type is called: its own name, and the one within its namespace."""
    name = str(schema["name"])
    return name, f"{schema.get('namespace', '')}.{name}"


def _named(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: schema[key] for key in ("name", "namespace") if key in schema}


def _without_logic(schema: dict[str, Any]) -> Schema:
    return {key: schema[key] for key in ("type", "name", "namespace", "symbols", "size") if key in schema}


def _cell(schema: Schema, kinds: Mapping[str, str]) -> Cell:
    """What a field holds; `kinds` says what types that have names are.

    >>> _cell(["null", {"type": "long", "logicalType": "timestamp-millis"}], {}).arrow
    TimestampType(timestamp[ms, tz=UTC])
    """
    if isinstance(schema, list):
        held = [branch for branch in schema if branch != "null"]
        return _cell(held[0], kinds) if len(held) == 1 else Cell(NESTED)
    if isinstance(schema, dict) and not isinstance(schema["type"], str):
        return _cell(schema["type"], kinds)
    kind, logical = (schema, "") if isinstance(schema, str) else (schema["type"], str(schema.get("logicalType", "")))
    local, _, unit = logical.rpartition("timestamp-")
    if kind == "long" and unit in _UNITS and local in ("", "local-"):
        return Cell(pa.timestamp(_UNITS[unit], None if local else "UTC"))
    if kind == "int" and logical == "date":
        return Cell(pa.date32())
    if kind in ("bytes", "fixed") and logical == "decimal":
        return Cell(pa.string(), int(schema.get("scale", 0)))
    return Cell(_ARROW.get(kinds.get(kind, kind), NESTED))
