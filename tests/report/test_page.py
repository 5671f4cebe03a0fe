"""The page is whole, safe and readable offline, whatever the data are called and whatever is missing."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from headrace.learn.metrics import Confusion, Metrics
from headrace.report.column_profile import ColumnProfile
from headrace.report.contents import Curves, Evaluation, Missing, Slice, Slices
from headrace.report.page import page

EVIL = '<script>alert("1")</script>\'&{{ 7 * 7 }}'
NONE = Confusion(true_positive=0, false_positive=0, true_negative=0, false_negative=0)
VOID = {"meta", "br", "line", "circle", "rect", "polyline"}


class _Reader(HTMLParser):
    """Checks that elements nest, and gathers what they are."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.faults = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.faults.append((tag, self.getpos()))

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def read(text):
    reader = _Reader(text)
    assert not reader.faults
    assert not reader.open
    return reader


def without(report, *parts):
    """The report without some of its parts."""
    empty = {name: () if isinstance(getattr(report, name), tuple) else None for name in parts}
    return replace(report, **empty)


def test_the_page_stands_alone(report):
    """No script, no link out, no picture or font to fetch; the browser is told to refuse them too."""
    text = page(report)
    found = read(text)

    assert {tag for tag, _ in found.elements} & {"script", "link", "img", "iframe", "object", "embed"} == set()
    assert all(a["href"].startswith("#") for a in found.all("a"))
    assert not re.search(r"https?://|url\(|@import", text)
    assert any("default-src 'none'" in m.get("content", "") for m in found.all("meta"))


def test_links_and_ids_belong_together(report):
    """Each id is there once; every link, label and description has its target."""
    found = read(page(report))
    ids = [attrs["id"] for _, attrs in found.elements if "id" in attrs]
    wanted = [a["href"][1:] for a in found.all("a")]
    wanted += [i for _, attrs in found.elements for i in attrs.get("aria-labelledby", "").split()]

    assert len(ids) == len(set(ids))
    assert set(wanted) <= set(ids)


def test_who_does_not_see_is_told(report):
    """Charts have a name, decoration is silent, heads of tables say what they head."""
    found = read(page(report))

    assert found.all("html") == [{"lang": "en"}]
    assert all(s.get("aria-labelledby") or s.get("aria-label") or s.get("aria-hidden") for s in found.all("svg"))
    assert all(h.get("scope") or h.get("aria-hidden") or not h for h in found.all("th"))
    assert "<title>late · flights · Headrace report</title>" in page(report)


def test_the_account_is_shown_to_close(report):
    """The equation stands there in figures, and a difference would be loud."""
    broken = replace(report.accounts[0], accepted=336_771)
    text = page(replace(report, accounts=(report.accounts[1], broken)))

    assert text.count("✓ closes") == 1
    assert "✗ is -1 off" in text
    assert "an account does not close" in text


def test_names_and_values_of_the_data_are_escaped(report):
    """Columns, data sets, rules, slices, files, raw rows, features, settings, messages: none can write HTML."""
    account = report.accounts[1]
    evil_row = replace(account.examples[0], file=EVIL, text=EVIL, reasons=(EVIL,))
    trained = replace(
        report.trained,
        importance=(replace(report.trained.importance[0], feature=EVIL),),
        settings={EVIL: EVIL},
        versions={EVIL: EVIL},
    )
    metrics = replace(report.evaluation.metrics["test"], auc=None, undefined={"auc": EVIL})
    text = page(
        replace(
            report,
            project=EVIL,
            model=EVIL,
            question=replace(report.question, rows=EVIL, label=EVIL, predict_at=EVIL, label_from=EVIL),
            accounts=(replace(account, name=EVIL, reasons={EVIL: 1}, examples=(evil_row,), duplicates=EVIL),),
            features=replace(
                report.features,
                columns=(ColumnProfile(EVIL, "string", 1, 0, distinct=1, most_frequent=EVIL, histogram=(1,)),),
            ),
            trained=trained,
            evaluation=replace(
                report.evaluation,
                metrics={"test": metrics},
                slices=(Slices(EVIL, (Slice(EVIL, {"test": metrics}),), 0),),
            ),
            scores=replace(report.scores, by_bundle={EVIL: 1}),
            tables=(replace(report.tables[0], name=EVIL, root=EVIL, id=EVIL),),
            steps=(replace(report.steps[0], name=EVIL),),
            missing=(Missing(EVIL, EVIL, EVIL),),
        )
    )

    assert not read(text).all("script")
    assert 'alert("1")' not in text
    assert "{{ 7 * 7 }}" in text  # data are not read as a template
    assert text.count("&lt;script&gt;") > 25


PARTS = ["accounts", "features", "trained", "evaluation", "scores", "tables", "steps"]


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_part_leaves_the_others(report, part):
    """A page without one part is whole, and differs."""
    text = page(without(report, part))

    read(text)
    assert text != page(report)


def test_a_model_of_which_nothing_is_there(report):
    """Before anything was run the page says so, with what to do."""
    missing = (Missing("model", "models/late: no bundle was made yet", "headrace train late.yaml"),)
    text = page(replace(without(report, *PARTS), missing=missing))

    read(text)
    for told in ("Nothing was ingested yet", "No features were built yet", "Not evaluated yet", "Not trained yet"):
        assert told in text
    assert "headrace train late.yaml" in text


def test_windows_without_examples(report):
    """A test window that has no labels yet: its metrics are dashes with their reason, valid is shown."""
    none = Metrics(0, 0, NONE, undefined={"auc": "no rows"})
    metrics = {"valid": report.evaluation.metrics["valid"], "test": none}
    evaluation = replace(report.evaluation, metrics=metrics, curves={**report.evaluation.curves, "test": Curves()})
    text = page(replace(report, evaluation=evaluation))

    read(text)
    assert "AUC on valid" in text
    assert "test auc: no rows" in text


def test_an_evaluation_of_nothing(report):
    """No window has an example: no chart, no confusion, no error."""
    text = page(
        replace(report, evaluation=Evaluation("b", "2026-01-01", 0.5, "f1", {"valid": Metrics(0, 0, NONE)}, {}, ()))
    )

    assert "ROC" not in text
    read(text)


def test_figures_of_another_bundle_are_not_passed_off(report):
    """Where the evaluation is of an older bundle the page says so, and its threshold is not drawn on the scores."""
    text = page(replace(report, evaluation=replace(report.evaluation, bundle="fedcba987654")))

    assert "of bundle fedcba987654, not the live one" in text
    assert 'class="upright"' not in text


def test_long_slices_say_what_they_leave_out(report):
    """Forty values: thirty are shown, and ten are said to be there."""
    metrics = report.evaluation.metrics
    slices = (Slices("tailnum", tuple(Slice(f"N{n}", metrics) for n in range(40)), 7),)
    text = page(replace(report, evaluation=replace(report.evaluation, slices=slices)))

    assert "17 values with fewer examples are not shown" in text
    assert "N29" in text
    assert "N30" not in text
