"""The report as one HTML page: no script, no network, no font but the reader's own."""

from dataclasses import fields
from importlib.resources import files

import jinja2

from headrace.learn.metrics import Metrics
from headrace.report import charts, figures, pictures
from headrace.report.axis import Axis
from headrace.report.column_profile import MOST_DISTINCT
from headrace.report.contents import Report, Slices

SHOWN_FEATURES = 20  # of the importance; the JSON has all
_ENOUGH = 100  # examples of a slice, from which on it may stretch the scale
SHOWN_SLICES = 30  # values of one column; the JSON has what evaluate left


def page(report: Report) -> str:
    """The page of a report; every name and value of the data is escaped."""
    source = files("headrace.report")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        name: getattr(figures, name) for name in ("count", "share", "measure", "number", "duration", "size", "instant")
    }
    environment.globals |= {
        "charts": charts,
        "pictures": pictures,
        "auc_axis": auc_axis,
        "most_distinct": MOST_DISTINCT,
        "shown_features": SHOWN_FEATURES,
        "shown_slices": SHOWN_SLICES,
        "metrics": [metric for metric in fields(Metrics) if "title" in metric.metadata],
    }
    template = environment.from_string((source / "page.html.jinja").read_text(encoding="utf-8"))
    return template.render(r=report, css=(source / "page.css").read_text(encoding="utf-8"))


def auc_axis(slices: Slices, window: str) -> Axis:
    """A scale for the AUC of a column's values; guessing is on it, and what chance gives tiny slices may lie beyond."""
    metrics = [s.metrics[window] for s in slices.values[:SHOWN_SLICES] if window in s.metrics]
    found = [m.auc for m in metrics if m.auc is not None and m.rows >= _ENOUGH]
    return Axis.over("AUC", min([0.5, *found]), max([0.6, *found]))
