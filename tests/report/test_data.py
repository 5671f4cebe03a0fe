"""The JSON twin holds the keys its documentation names, all of them and no others."""

import json
import re
from dataclasses import replace

import pytest

from headrace.learn.bundle import json_bytes
from headrace.report import data
from headrace.report.contents import Missing
from headrace.report.data import as_data


def documented():
    """Patterns of the keys in the module's docstring, e.g. `windows.<window>.from`."""
    patterns = {}
    for line in data.__doc__.splitlines():
        if line.startswith("    "):
            keys, meaning = re.split(r" {2,}", line.strip(), maxsplit=1) if "  " in line.strip() else (line.strip(), "")
            first, *others = keys.split(", ")
            parent = first.rpartition(".")[0]
            for key in (first, *(f"{parent}.{other}" if parent else other for other in others)):
                patterns[key.replace("?", "")] = "(\\..+)?" if meaning.startswith("as `") else ""
    return {key: re.compile(_pattern(key) + rest) for key, rest in patterns.items()}


def _pattern(key):
    return "".join(".+" if part.startswith("<") else re.escape(part) for part in re.split(r"(<[^>]+>)", key))


def leaves(value, path=""):
    """Paths of everything that is no container, lists as `[]`."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from leaves(inner, f"{path}.{key}" if path else key)
        case list():
            for inner in value:
                yield from leaves(inner, f"{path}[]")
        case _:
            yield path


@pytest.fixture(scope="module")
def full(report):
    """A report in which every key has a value, read back from JSON."""
    metrics = {n: replace(m, undefined={"auc": "only one class"}) for n, m in report.evaluation.metrics.items()}
    told = replace(
        report,
        evaluation=replace(report.evaluation, metrics=metrics),
        missing=(Missing("part", "why", "cure"),),
    )
    return json.loads(json_bytes(as_data(told)))


def test_every_key_is_documented(full):
    """Nothing stands in the JSON that its documentation does not name."""
    patterns = documented()
    strangers = {path for path in leaves(full) if not any(p.fullmatch(path) for p in patterns.values())}

    assert strangers == set()


def test_every_documented_key_is_there(full):
    """Nothing is promised that the JSON does not hold."""
    paths = set(leaves(full))
    absent = [key for key, pattern in documented().items() if not any(pattern.fullmatch(path) for path in paths)]

    assert absent == []


def test_top_level_keys_are_there_when_nothing_is(report):
    """A program can rely on the keys before the first step was run; what is not there is null or empty."""
    parts = {"features": None, "trained": None, "evaluation": None, "scores": None}
    bare = as_data(replace(report, accounts=(), tables=(), steps=(), **parts))

    assert list(bare) == list(as_data(report))
    assert [bare[k] for k in ("features", "bundle", "training", "evaluated", "scores")] == [None] * 5


def test_figures_are_those_of_the_report(report):
    """The keys that others build on hold what they say."""
    found = as_data(report)

    assert found["accounts"]["schedule"]["read"] == 336_776
    assert found["metrics"]["test"]["auc"] == report.evaluation.metrics["test"].auc
    assert found["bundle"]["digest"] == report.trained.digest
    assert found["tables"]["late/features"]["version"] == 3
    assert found["steps"]["train late"]["seconds"] == 64.9
