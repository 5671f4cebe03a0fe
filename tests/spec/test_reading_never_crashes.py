"""Whatever stands in a project file, the answer is a data set or a SpecError."""

import random
import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.spec.data_set import DataSet
from headrace.spec.document import read_document
from headrace.spec.faults import SpecError
from headrace.spec.model import Model
from headrace.spec.place import Place
from headrace.spec.project import load_project, parse_data_set
from headrace.spec.reading import read

_JARGON = re.compile(
    r"pydantic|https?://|Input should|value_error|type=|Traceback|NoneType|tuple\[|dict\[", re.IGNORECASE
)
_SYNTAX = "abN1:-?[]{},&*!|>%@`#'\"\\\n\t \r\0\x85\u2028\ufeff\ud800~.=()$"


def check(source):
    """Read a source as every kind of file; only a SpecError may come of it, in plain words."""
    with suppress(SpecError):
        document = read_document(source, "f.yaml")
        for kind in (DataSet, Model, Place):
            value, faults = read(kind, document)
            assert value or faults
            for fault in faults:
                assert not _JARGON.search(fault.message), fault
                assert "\n" not in str(fault)
        parse_data_set(document.text, "f.yaml")


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.text(st.sampled_from(_SYNTAX), max_size=80), st.binary(max_size=80)))
def test_any_text_and_any_bytes(source):
    """Arbitrary and YAML-like characters, and bytes that are no text at all."""
    check(source)


_LEAVES = st.sampled_from(
    ["x", "1", "-1", "1e999", "nan", "true", "a.b", "int", "decimal(99,1)", "csv", "3h", "f1", "", "key"]
)
_KEYS = st.sampled_from(
    [
        *("dataset", "model", "place", "source", "contract", "columns", "known", "label", "joins", "features", "split"),
        *("train", "valid", "test", "evaluate", "rows", "clean", "derive", "key", "time", "lateness", "predict_at"),
        *("format", "path", "header", "rename", "ignore", "quote", "decimal", "nulls", "line", "max_bytes", "stop_if"),
        *(
            "type",
            "min",
            "max",
            "in",
            "regex",
            "epoch",
            "zone",
            "required",
            "rules",
            "at",
            "from",
            "on",
            "as_of",
            "value",
        ),
        *("fn", "of", "take", "with", "quantiles", "edges", "buckets", "impute", "clip", "hash", "bins", "threshold"),
        *("objective", "rounds", "booster", "lambda", "beam", "spark", "shared", "roots", "options"),
    ]
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=25,
)


def flow(tree):
    """A tree as flow-style YAML with every text in double quotes."""
    if isinstance(tree, dict):
        return "{" + ", ".join(f'"{key}": {flow(value)}' for key, value in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(flow, tree)) + "]"
    return f'"{tree}"'


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(_KEYS, _TREES, min_size=1, max_size=8))
def test_any_tree_of_known_keys(tree):
    """Well-formed files with right keys in wrong places and values of every wrong shape."""
    check(flow(tree))


@pytest.mark.parametrize("name", ["orders.yaml", "deliveries.yaml", "customers.yaml", "prices.yaml", "late.yaml"])
def test_damaged_project_files(shop, name):
    """Real files with a few characters lost, doubled or replaced (150 times each, always the same ones)."""
    dice = random.Random(name)  # noqa: S311  # damage, not secrets
    text = (shop / name).read_text()
    for _ in range(150):
        damaged = list(text)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(damaged))
            damaged[at] = dice.choice(["", damaged[at] * 2, *_SYNTAX.replace("\ud800", "")])
        check("".join(damaged))


@pytest.mark.parametrize("name", ["orders.yaml", "deliveries.yaml", "prices.yaml", "late.yaml"])
def test_damaged_projects(shop, name):
    """Lines of one file lost or doubled, and the others refer to it (60 times each)."""
    dice = random.Random(name)  # noqa: S311  # damage, not secrets
    lines = (shop / name).read_text().splitlines(keepends=True)
    for _ in range(60):
        damaged = list(lines)
        damaged[dice.randrange(len(lines))] *= dice.choice([0, 2])
        (shop / name).write_text("".join(damaged))
        with suppress(SpecError):
            load_project("shop")
