"""Charts are well-formed, told in words, and never draw what has no place."""

from xml.etree import ElementTree as ET

import pytest

from headrace.report.axis import Axis
from headrace.report.charts import (
    Caption,
    Line,
    Mark,
    bar,
    column_chart,
    dot_on_track,
    line_chart,
    sparkline,
    stacked,
    timeline,
)

CAPTION = Caption("c", "Precision <of> it", 'told & "so"')
SHARES = Axis.share("recall"), Axis.share("precision")


def parsed(svg):
    return ET.fromstring(str(svg))  # noqa: S314  # our own text


def test_a_chart_is_named_and_told():
    """Readers who do not see it get title and description, by ids that exist."""
    chart = parsed(line_chart(CAPTION, *SHARES, [Line("test", [(0, 0), (1, 1)])]))

    assert chart.get("role") == "img"
    assert chart.get("aria-labelledby") == "c-t c-d"
    assert [(e.get("id"), e.text) for e in chart.iter() if e.get("id")] == [
        ("c-t", CAPTION.title),
        ("c-d", CAPTION.told),
    ]


def test_points_lie_where_the_axes_say():
    """The corners of the data are the corners of the frame, and up is more."""
    chart = parsed(line_chart(CAPTION, *SHARES, [Line("test", [(0, 0), (1, 1)])]))
    (line,) = chart.iter("polyline")
    (left, low), (right, high) = ([float(v) for v in p.split(",")] for p in line.get("points").split())

    assert left < right
    assert low > high
    assert [left, right] == [
        float(e.get(k)) for e in chart.iter("line") if e.get("class") == "grid" for k in ("x1", "x2")
    ][:2]


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
def test_what_has_no_place_is_left_out(odd):
    """NaN and infinities never reach the SVG."""
    lines = [Line("test", [(0, 0), (odd, 0.5), (0.5, odd), (1, 1)], dotted=True)]
    svg = str(line_chart(CAPTION, *SHARES, lines, marks=[Mark("test", (odd, 0), "odd")]))

    assert "nan" not in svg
    assert "inf" not in svg
    assert len(list(parsed(svg).iter("circle"))) == 2


def test_a_line_of_one_point_is_no_line():
    """One bin of calibration gives a dot and nothing else."""
    chart = parsed(line_chart(CAPTION, *SHARES, [Line("test", [(0.5, 0.5)], dotted=True)]))

    assert not list(chart.iter("polyline"))
    assert [e.find("title").text for e in chart.iter("circle")] == ["recall 0.5, precision 0.5"]


def test_columns_tell_their_counts_and_stay_visible():
    """One row beside a million still shows, empty bins do not."""
    chart = parsed(column_chart(CAPTION, Axis.share("score"), [1_000_000, 0, 1], look="test", mark=(0.9, "<here>")))
    columns = [e for e in chart.iter("rect") if e.get("class") == "column test"]

    assert [e.find("title").text for e in columns] == ["0 to 0.333: 1,000,000", "0.667 to 1: 1"]
    assert min(float(e.get("height")) for e in columns) >= 1
    assert "<here>" in [e.text for e in chart.iter("text")]


@pytest.mark.parametrize("counts", [[], [0, 0]])
def test_nothing_to_draw_is_an_empty_chart(counts):
    """No counts give axes alone, and no sparkline."""
    assert not list(parsed(column_chart(CAPTION, Axis.share("s"), counts, look="x")).iter("rect"))
    assert sparkline(counts, "x") == ""


def test_a_trace_is_not_hidden_by_a_multitude():
    """Four rows of a third of a million are seen in the bar, and the bar stays as wide as it is."""
    good, bad = (float(e.get("width")) for e in parsed(stacked([("good", 336_772), ("bad", 4), ("dup", 0)])))

    assert bad >= 3
    assert good + bad == pytest.approx(1000, abs=1)


def test_shares_outside_their_range_stay_inside_the_bar():
    """A bar never leaves its track, whatever it is given."""
    widths = [[float(e.get("width")) for e in parsed(bar(share))] for share in (-1, 0, None, 1e-9, 2)]

    assert widths == [[100], [100], [100], [100, 1], [100, 100]]


def test_a_dot_beyond_its_track_stops_at_the_end():
    """A value outside the axis is drawn at its end, and looks like it."""
    (dot,) = parsed(dot_on_track(2.0, None, Axis.share("AUC"), "test")).iter("circle")

    assert (float(dot.get("cx")), dot.get("class")) == (114, "dot test beyond")


def test_a_short_span_of_time_stays_visible():
    """An hour in a year is a hair."""
    spans = parsed(timeline([("train", 0.0, 0.9999), ("test", 0.9999, 1.0)]))

    assert [float(e.get("width")) for e in spans] == [pytest.approx(999.9), 3]
