"""JSON schemas of the three kinds of project file, for editors that complete and check while one types.

An editor sees typed YAML, where `min: 1` is a number and `in: [EWR]` is text; here every
scalar is text first. So wherever we take any text, the schema takes any scalar.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from headrace.spec.data_set import DataSet
from headrace.spec.model import Model
from headrace.spec.place import Place
from headrace.spec.values import COLUMN_PATTERN, Section

type Schema = dict[str, Any]

_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_NAMED = ("$defs", "properties", "patternProperties")  # their keys are names, not words of JSON Schema
_SCALAR = ["string", "number", "boolean"]


def json_schema(kind: type[Section]) -> Schema:
    """The schema of one kind of file. Shape: JSON Schema, draft 2020-12."""
    schema = _for_editors(kind.model_json_schema(by_alias=True))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"Headrace {kind.__name__}", **schema}


def _for_editors(node: Schema) -> Schema:
    """One schema and all within it: no nulls, no names of ours, bounds by their standard words."""
    made: Schema = {}
    for word, value in node.items():
        if word in _NAMED:
            made[word] = {name: _for_editors(inner) for name, inner in value.items()}
        elif word in ("anyOf", "oneOf"):  # a text may fit two branches, and that is fine
            made["anyOf"] = [_for_editors(inner) for inner in value if inner != {"type": "null"}]
        elif word == "prefixItems":
            made[word] = [_for_editors(inner) for inner in value]
        elif word == "items":
            made[word] = _for_editors(value)
        elif word != "title" and not (word == "default" and _is_no_default(value, node)):
            made[_BOUNDS.get(word, word)] = value
    if "patternProperties" in made:
        made["additionalProperties"] = False
    if _is_any_text(made):
        made["type"] = _SCALAR
    if len(made.get("anyOf", ())) == 1:
        made |= made.pop("anyOf")[0]
    return made


def _is_no_default(value: Any, node: Schema) -> bool:
    """Whether a default is nothing an editor could write: nothing at all, a section, a size in bytes."""
    return value is None or isinstance(value, dict | list) or (node.get("type") == "string" and value != str(value))


def _is_any_text(node: Schema) -> bool:
    limited = node.keys() & {"const", "enum", "examples", "maxLength"}
    return node.get("type") == "string" and not limited and node.get("pattern", COLUMN_PATTERN) == COLUMN_PATTERN


SCHEMAS: dict[str, Callable[[], Schema]] = {
    "dataset": partial(json_schema, DataSet),
    "model": partial(json_schema, Model),
    "place": partial(json_schema, Place),
}
