"""Charts as inline SVG: coloured by the page's style sheet, told apart by line style too, readable aloud.

A chart has a title and a description for those who do not see it. Class names say what
a shape stands for (`valid`, `test`, `train`); the style sheet says how that looks in
light, dark and print.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from headrace.report.axis import Axis, tick_text

_WIDTH, _HEIGHT = 350, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 14, 12, 44

type Point = tuple[float, float]


class Line(NamedTuple):
    """One line of a chart; `look` is its class: train, valid, test."""

    look: str
    points: Sequence[Point]
    dotted: bool = False  # every point marked, its place told on hover


class Mark(NamedTuple):
    """A point that is pointed out."""

    look: str
    at: Point
    text: str  # told on hover, and aloud


class Caption(NamedTuple):
    """What a chart is called and what it shows, for those who do not see it; `name` is unique on the page."""

    name: str
    title: str
    told: str


def line_chart(
    caption: Caption,
    x: Axis,
    y: Axis,
    lines: Sequence[Line],
    *,
    marks: Sequence[Mark] = (),
    guides: Sequence[Line] = (),
) -> Markup:
    """Lines on two axes; guides lie below them. Points without a finite place are left out."""
    frame = _Frame(x, y)
    shapes = [
        *(frame.path(g, "guide") for g in guides),
        *(frame.path(line, "line") for line in lines),
        *(frame.dot(Mark(line.look, p, _at(x, y, p))) for line in lines if line.dotted for p in _finite(line.points)),
        *(frame.dot(mark, radius=5) for mark in marks if all(map(math.isfinite, mark.at))),
    ]
    return _figure(caption, [*frame.axes(), *shapes])


def column_chart(
    caption: Caption, x: Axis, counts: Sequence[int], *, look: str, mark: tuple[float, str] | None = None
) -> Markup:
    """Counts of bins of equal width that fill the x axis; `mark` is an upright line with its text."""
    y = Axis.over("rows", 0, max(counts, default=1) or 1)
    frame = _Frame(x, y)
    width = (x.high - x.low) / max(len(counts), 1)
    shapes = [frame.column(x.low + i * width, x.low + (i + 1) * width, n, look) for i, n in enumerate(counts) if n]
    if mark:
        shapes.append(frame.upright(*mark))
    return _figure(caption, [*frame.axes(), *shapes])


def sparkline(counts: Sequence[int], name: str) -> Markup:
    """A tiny column chart in the line of a table; the table's cells say the same in figures.

    >>> "<rect" in sparkline([1, 3, 0], "delay"), sparkline([], "delay")
    (True, Markup(''))
    """
    if not counts or not max(counts):
        return Markup()
    wide, high = 96, 22
    step, most = wide / len(counts), max(counts)
    columns = Markup().join(
        _rect(i * step, high - tall, max(step - 1, 0.8), tall, "column")
        for i, n in enumerate(counts)
        if n
        for tall in (max(n / most * (high - 1), 1.0),)
    )
    return Markup(
        '<svg class="spark" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="Distribution of {}">'
        "{}</svg>"
    ).format(wide, high, wide, high, name, columns)


def bar(share: float | None, look: str = "plain") -> Markup:
    """A share of a whole as a bar beside its figure; hidden from readers aloud, who have the figure.

    A share above nothing is never narrower than a hair.

    >>> str(bar(0.5))
    '<svg class="bar plain" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="track" x="0" y="0" width="100" height="8"/><rect class="fill" x="0" y="0" width="50" height="8"/></svg>'
    """  # noqa: E501  # one line of SVG
    filled = 100 * min(max(share or 0.0, 0.0), 1.0)
    inside = _rect(0, 0, max(filled, 1.0), 8, "fill") if filled else Markup()
    return Markup(
        '<svg class="bar {}" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">{}{}</svg>'
    ).format(look, _rect(0, 0, 100, 8, "track"), inside)


def stacked(parts: Sequence[tuple[str, int]]) -> Markup:
    """Parts of a whole side by side in one bar; one that is not empty is at least a hair wide.

    >>> str(stacked([("good", 3), ("bad", 1)])).count("<rect")
    2
    """
    whole = sum(amount for _, amount in parts) or 1
    widths = [max(1000 * amount / whole, 4.0) if amount else 0.0 for _, amount in parts]
    spread = 1000 / max(sum(widths), 1.0)
    shapes, left = [], 0.0
    for (look, _), width in zip(parts, widths, strict=True):
        if width:
            shapes.append(_rect(left, 0, width * spread, 8, f"fill {look}"))
        left += width * spread
    return _strip(shapes)


def timeline(spans: Sequence[tuple[str, float, float]]) -> Markup:
    """Spans of a time that goes from 0 to 1, each with its look; a short one stays visible.

    >>> str(timeline([("train", 0.0, 0.8), ("test", 0.8, 1.0)])).count("<rect")
    2
    """
    return _strip(
        [_rect(1000 * start, 0, max(1000 * (end - start), 3), 8, f"fill {look}") for look, start, end in spans]
    )


def _strip(shapes: Iterable[Markup]) -> Markup:
    return Markup(
        '<svg class="strip" viewBox="0 0 1000 8" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(Markup().join(shapes))


def dot_on_track(value: float | None, whole: float | None, axis: Axis, look: str) -> Markup:
    """A value as a dot on a line, with a tick where the value of the whole lies; hollow at the end where it is beyond.

    >>> dot_on_track(None, 0.7, Axis.share("AUC"), "test")
    Markup('')
    """
    if value is None:
        return Markup()
    wide = 120

    def at(number: float) -> float:
        return 6 + (wide - 12) * min(max(axis.place(number), 0.0), 1.0)

    tick = Markup() if whole is None else _stroke(at(whole), 0, at(whole), 16, "whole")
    track = _stroke(6, 8, wide - 6, 8, "track")
    if not 0 <= axis.place(value) <= 1:
        look = f"{look} beyond"
    return Markup(
        '<svg class="dots" viewBox="0 0 {} 16" width="{}" height="16" aria-hidden="true">{}{}{}</svg>'
    ).format(wide, wide, track, tick, _circle(at(value), 8, 4.5, look))


def swatch(look: str) -> Markup:
    """A short piece of a chart's line, for a legend."""
    return Markup('<svg class="swatch" viewBox="0 0 28 8" width="28" height="8" aria-hidden="true">{}</svg>').format(
        _stroke(1, 4, 27, 4, f"line {look}")
    )


class _Frame:
    """The box between the axes: turns values into places."""

    def __init__(self, x: Axis, y: Axis) -> None:
        self._x, self._y = x, y

    def _across(self, value: float) -> float:
        return _LEFT + self._x.place(value) * (_WIDTH - _LEFT - _RIGHT)

    def _down(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - self._y.place(value) * (_HEIGHT - _TOP - _BOTTOM)

    def axes(self) -> list[Markup]:
        """Grid, ticks and labels."""
        floor, left, right = _HEIGHT - _BOTTOM, _LEFT, _WIDTH - _RIGHT
        return [
            *(_stroke(left, self._down(t), right, self._down(t), "grid") for t in self._y.ticks),
            *(_text(left - 7, self._down(t) + 4, tick_text(t), "tick end") for t in self._y.ticks),
            *(_text(self._across(t), floor + 17, tick_text(t), "tick middle") for t in self._x.ticks),
            *(_stroke(self._across(t), floor, self._across(t), floor + 4, "axis") for t in self._x.ticks),
            _stroke(left, floor, right, floor, "axis"),
            _text((left + right) / 2, _HEIGHT - 6, self._x.label, "label middle"),
            Markup('<text class="label middle" transform="translate(12 {:.1f}) rotate(-90)">{}</text>').format(
                (floor + _TOP) / 2, self._y.label
            ),
        ]

    def path(self, line: Line, kind: str) -> Markup:
        """One polyline; none where fewer than two points can be placed."""
        places = [f"{self._across(a):.1f},{self._down(b):.1f}" for a, b in _finite(line.points)]
        if len(places) < 2:
            return Markup()
        return Markup('<polyline class="{} {}" points="{}"/>').format(kind, line.look, " ".join(places))

    def dot(self, mark: Mark, radius: float = 3.5) -> Markup:
        """A dot that says where it is."""
        return _circle(self._across(mark.at[0]), self._down(mark.at[1]), radius, mark.look, mark.text)

    def column(self, start: float, end: float, count: int, look: str) -> Markup:
        """One column of a column chart, a hair high at least."""
        left, right, top = self._across(start), self._across(end), self._down(count)
        tall = max(_HEIGHT - _BOTTOM - top, 1.0)
        told = f"{start:.3g} to {end:.3g}: {count:,}"
        return _rect(left + 0.5, _HEIGHT - _BOTTOM - tall, max(right - left - 1, 0.5), tall, f"column {look}", told)

    def upright(self, value: float, text: str) -> Markup:
        """A line from floor to ceiling with its text beside it, on the side that has room."""
        x, turned = self._across(value), self._x.place(value) > 0.6
        line = _stroke(x, _TOP, x, _HEIGHT - _BOTTOM, "upright")
        return line + _text(x + (-6 if turned else 6), _TOP + 11, text, "note end" if turned else "note")


def _figure(caption: Caption, shapes: Iterable[Markup]) -> Markup:
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-t {}-d">'
        '<title id="{}-t">{}</title><desc id="{}-d">{}</desc>{}</svg>'
    ).format(
        _WIDTH,
        _HEIGHT,
        caption.name,
        caption.name,
        caption.name,
        caption.title,
        caption.name,
        caption.told,
        Markup().join(shapes),
    )


def _at(x: Axis, y: Axis, point: Point) -> str:
    """A point in words.

    >>> _at(Axis.share("recall"), Axis.share("precision"), (0.5, 0.25))
    'recall 0.5, precision 0.25'
    """
    return f"{x.label} {point[0]:.3g}, {y.label} {point[1]:.3g}"


def _finite(points: Iterable[Point]) -> list[Point]:
    return [p for p in points if math.isfinite(p[0]) and math.isfinite(p[1])]


def _stroke(x1: float, y1: float, x2: float, y2: float, look: str) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(look, x1, y1, x2, y2)


def _text(x: float, y: float, text: str, look: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(look, x, y, text)


def _circle(x: float, y: float, radius: float, look: str, told: str = "") -> Markup:
    place = Markup('class="dot {}" cx="{:.1f}" cy="{:.1f}" r="{}"').format(look, x, y, radius)
    return Markup("<circle {}>{}</circle>").format(place, _told(told)) if told else Markup("<circle {}/>").format(place)


def _rect(x: float, y: float, width: float, height: float, look: str, told: str = "") -> Markup:
    place = Markup('class="{}" x="{:.4g}" y="{:.4g}" width="{:.4g}" height="{:.4g}"').format(look, x, y, width, height)
    return Markup("<rect {}>{}</rect>").format(place, _told(told)) if told else Markup("<rect {}/>").format(place)


def _told(text: str) -> Markup:
    return Markup("<title>{}</title>").format(escape(text))
