"""The JSON schemas for editors, held against files as an editor sees them: with typed values."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from headrace.spec.schema import SCHEMAS

CONF = Path(__file__).parents[2] / "conf"

_TYPES = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
}
_CHECKS = {
    "const": lambda value, limit: value == limit,
    "enum": lambda value, limit: value in limit,
    "pattern": lambda value, limit: not isinstance(value, str) or re.search(limit, value) is not None,
    "minLength": lambda value, limit: len(value) >= limit,
    "maxLength": lambda value, limit: len(value) <= limit,
    "minimum": lambda value, limit: value >= limit,
    "maximum": lambda value, limit: value <= limit,
    "exclusiveMinimum": lambda value, limit: value > limit,
    "exclusiveMaximum": lambda value, limit: value < limit,
    "minItems": lambda value, limit: not isinstance(value, list) or len(value) >= limit,
    "maxItems": lambda value, limit: not isinstance(value, list) or len(value) <= limit,
    "minProperties": lambda value, limit: len(value) >= limit,
    "uniqueItems": lambda value, _: len(set(map(str, value))) == len(value),
    "required": lambda value, limit: set(limit) <= set(value),
}
_SILENT = {"$schema", "$defs", "title", "description", "default", "examples"}
_INNER = {"$ref", "anyOf", "type", "properties", "patternProperties", "additionalProperties", "items", "prefixItems"}


def problems(value, schema, root, at=""):
    """What of a value a schema does not allow: the part of JSON Schema that ours use, and no other word."""
    assert set(schema) <= _SILENT | _INNER | set(_CHECKS), set(schema)
    if "$ref" in schema:
        yield from problems(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, at)
    if "anyOf" in schema and not any(not list(problems(value, inner, root, at)) for inner in schema["anyOf"]):
        yield f"{at}: fits none"
    types = schema.get("type", [])
    if types and not any(_TYPES[name](value) for name in ([types] if isinstance(types, str) else types)):
        yield f"{at}: {value!r} is no {types}"
        return
    yield from (f"{at}: {word}" for word, fine in _CHECKS.items() if word in schema and not fine(value, schema[word]))
    if isinstance(value, dict) and schema.get("type") == "object":
        for key, inner in value.items():
            yield from _property(key, inner, schema, root, f"{at}.{key}")
    if isinstance(value, list):
        for n, item in enumerate(value):
            inner = schema["prefixItems"][n : n + 1] if "prefixItems" in schema else [schema.get("items", {})]
            yield from problems(item, inner[0] if inner else {}, root, f"{at}.{n}")


def _property(key, value, schema, root, at):
    patterns = schema.get("patternProperties", {})
    if key in schema.get("properties", {}):
        yield from problems(value, schema["properties"][key], root, at)
    elif matching := [inner for pattern, inner in patterns.items() if re.search(pattern, key)]:
        yield from problems(value, matching[0], root, at)
    elif isinstance(extra := schema.get("additionalProperties", True), dict):
        yield from problems(value, extra, root, at)
    elif not extra:
        yield f"{at}: no such key"


def typed(text):
    """The file as YAML 1.2 types it; dates stay text, as in JSON."""
    return _dates_as_text(YAML(typ="safe", pure=True).load(text))


def _dates_as_text(value):
    match value:
        case dict():
            return {key: _dates_as_text(inner) for key, inner in value.items()}
        case list():
            return [_dates_as_text(inner) for inner in value]
        case str() | bool() | int() | float():
            return value
        case _:
            return str(value)


def kind_of(value):
    """The kind of a file by its first key."""
    return next(kind for kind in SCHEMAS if kind in value)


@pytest.mark.parametrize("path", sorted(CONF.glob("*/*.yaml")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_files_we_ship_fit(path):
    """Unquoted numbers, truth values and dates are what an editor sees, and are right."""
    value = typed(path.read_text())
    schema = SCHEMAS[kind_of(value)]()
    assert list(problems(value, schema, schema)) == []


@pytest.mark.parametrize("name", ["orders.yaml", "deliveries.yaml", "customers.yaml", "prices.yaml", "late.yaml"])
def test_the_files_of_the_shop_fit(shop, name):
    """Every kind of step, header list, words in place of mappings."""
    value = typed((shop / name).read_text())
    schema = SCHEMAS[kind_of(value)]()
    assert list(problems(value, schema, schema)) == []


@pytest.mark.parametrize(
    ("name", "right", "wrong", "expected"),
    [
        ("orders.yaml", "required: true, min: 1", "requird: true", ".contract.columns.order_id.requird: no such key"),
        ("orders.yaml", "format: csv", "format: cvs", ".source.format: enum"),
        ("orders.yaml", "time: placed", "time: [placed]", ".time: ['placed'] is no ['string', 'number', 'boolean']"),
        (
            "orders.yaml",
            "quarantined_share: 0.05",
            "quarantined_share: 5",
            ".contract.stop_if.quarantined_share: maximum",
        ),
        ("deliveries.yaml", "lateness: 6h", "lateness: 6 hours", ".lateness: pattern"),
        ("deliveries.yaml", "dataset: deliveries", "dataset: my deliveries", ".dataset: pattern"),
        ("late.yaml", "fn: impute", "fn: input", ".features.discount: fits none"),
        ("late.yaml", "rounds: 50, ", "", ".train: required"),
        ("late.yaml", "rounds: 50", "rounds: 0", ".train.rounds: minimum"),
        ("late.yaml", "max_depth: 4", "eta: 0", ".train.booster.eta: exclusiveMinimum"),
        ("late.yaml", "edges: [1, 3, 7]", "edges: []", ".features.steps: fits none"),
    ],
)
def test_an_editor_sees_what_is_wrong(shop, name, right, wrong, expected):
    """What the schema can say, it says where we would."""
    text = (shop / name).read_text()
    assert right in text
    value = typed(text.replace(right, wrong, 1))
    schema = SCHEMAS[kind_of(value)]()
    assert expected in list(problems(value, schema, schema))


@pytest.mark.parametrize("kind", sorted(SCHEMAS))
def test_every_key_explains_itself(kind):
    """An editor can show what each key means: every property has a sentence, or its section has."""
    schema = SCHEMAS[kind]()
    sections = [schema, *schema["$defs"].values()]
    for section in sections:
        assert section["additionalProperties"] is False
        for name, inner in section["properties"].items():
            assert {"description", "$ref"} & set(inner) or name == "fn", name
