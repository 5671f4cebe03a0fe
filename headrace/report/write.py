"""Write a model's report: the page and its twin in JSON, each in one step."""

import datetime as dt

from headrace.lake import storage
from headrace.learn.bundle import json_bytes
from headrace.report.collect import collect
from headrace.report.data import as_data
from headrace.report.page import page
from headrace.spec.located import Project
from headrace.spec.model import Model
from headrace.spec.place import Place


def write_report(project: Project, model: Model, place: Place) -> dict[str, object]:
    """`<reports>/<model>.html` and `.json` tell afterwards how things stand now.

    Returns their paths, and what could not be told. Run twice it writes the same
    again, but for the time; readers see the old file or the new, never a part.
    """
    report = collect(project, model, place, dt.datetime.now(dt.UTC))
    path = storage.join(place.roots.reports, model.model)
    storage.put(f"{path}.html", page(report).encode())
    storage.put(f"{path}.json", json_bytes(as_data(report)))
    return {
        "model": model.model,
        "html": f"{path}.html",
        "json": f"{path}.json",
        "missing": [missing.part for missing in report.missing],
    }
