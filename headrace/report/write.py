"""Write a model's report: the page and its twin in JSON, each in one step."""

import datetime as dt
import json
from dataclasses import replace

from headrace import storage
from headrace.learn.bundle import json_bytes
from headrace.report.collect import collect
from headrace.report.contents import Report
from headrace.report.data import as_data
from headrace.report.page import page
from headrace.spec.located import Project
from headrace.spec.model import Model
from headrace.spec.place import Place

_SUFFIXES = (".html", ".json")


def write_report(project: Project, model: Model, place: Place) -> dict[str, object]:
    """`<reports>/<model>.html` and `.json` tell afterwards how things stand now.

    Returns their paths, and what could not be told. Where both would tell the
    same but for the time, nothing is written; readers see the old file or the new, never a part.
    """
    report = collect(project, model, place, dt.datetime.now(dt.UTC))
    path = storage.join(place.roots.reports, model.model)
    told: dict[str, object] = {
        "model": model.model,
        "html": f"{path}.html",
        "json": f"{path}.json",
        "missing": [missing.part for missing in report.missing],
    }
    before = _written(path)
    if before and (then := _made_at(before[1])) and _files(replace(report, made_at=then)) == before:
        return {**told, "nothing_to_do": True}
    for suffix, content in zip(_SUFFIXES, _files(report), strict=True):
        storage.put(f"{path}{suffix}", content)
    return told


def _files(report: Report) -> tuple[bytes, bytes]:
    """The page and its twin."""
    return page(report).encode(), json_bytes(as_data(report))


def _written(path: str) -> tuple[bytes, bytes] | None:
    html, data = (storage.read(f"{path}{suffix}") for suffix in _SUFFIXES)
    return (html, data) if html and data else None


def _made_at(data: bytes) -> str | None:
    try:
        return str(json.loads(data)["made_at"])
    except (ValueError, KeyError, TypeError):
        return None  # somebody's edit: written anew
