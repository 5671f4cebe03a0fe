"""The charts of a report: what is drawn of its figures, and how it is told to those who do not see it."""

from collections.abc import Callable, Iterable, Mapping

from markupsafe import Markup

from headrace.learn.metrics import Confusion
from headrace.report import figures
from headrace.report.axis import Axis
from headrace.report.charts import Caption, Line, Mark, Point, column_chart, line_chart, timeline
from headrace.report.contents import Curves, Evaluation, Scores, Training, Window
from headrace.spec.values import parse_instant

_DIAGONAL = Line("even", ((0.0, 0.0), (1.0, 1.0)))


def roc(evaluation: Evaluation) -> Markup | None:
    """True against false positives over all thresholds; a dot where the threshold lies."""
    lines = _lines(
        evaluation,
        lambda curves: zip(curves.roc.false_positive_rate, curves.roc.true_positive_rate, strict=True),
    )
    told = _told("AUC", {name: m.auc for name, m in evaluation.metrics.items()})
    return (
        None
        if not lines
        else line_chart(
            Caption("roc", "ROC curve", f"{told} The diagonal is what guessing gives."),
            Axis.share("false positive rate"),
            Axis.share("true positive rate"),
            lines,
            guides=[_DIAGONAL],
            marks=_marks(evaluation, lambda c: (c.false_positive / (c.false_positive + c.true_negative), _recall(c))),
        )
    )


def precision_recall(evaluation: Evaluation) -> Markup | None:
    """Precision against recall over all thresholds; level lines are the base rates."""
    lines = _lines(
        evaluation,
        lambda curves: zip(curves.precision_recall.recall, curves.precision_recall.precision, strict=True),
    )
    rates = {name: m.base_rate for name, m in evaluation.metrics.items()}
    told = _told("Average precision", {name: m.average_precision for name, m in evaluation.metrics.items()})
    return (
        None
        if not lines
        else line_chart(
            Caption("pr", "Precision-recall curve", f"{told} The level lines are the base rates."),
            Axis.share("recall"),
            Axis.share("precision"),
            lines,
            guides=[Line(name, ((0.0, rate), (1.0, rate))) for name, rate in rates.items() if rate is not None],
            marks=_marks(evaluation, lambda c: (_recall(c), c.true_positive / (c.true_positive + c.false_positive))),
        )
    )


def calibration(evaluation: Evaluation) -> Markup | None:
    """What share turned out positive among rows of like score; the diagonal is what the scores promise."""
    lines = _lines(
        evaluation, lambda curves: zip(curves.calibration.score, curves.calibration.observed, strict=True), dotted=True
    )
    highest = max((value for line in lines for point in line.points for value in point), default=1.0)
    told = _told("Brier score", {name: m.brier for name, m in evaluation.metrics.items()})
    axes = Axis.share("mean score", highest), Axis.share("share positive", highest)
    return (
        None
        if not lines
        else line_chart(
            Caption("calibration", "Calibration", f"{told} On the diagonal scores are probabilities."),
            *axes,
            lines,
            guides=[Line("even", ((0.0, 0.0), (axes[0].high, axes[1].high)))],
        )
    )


def training(found: Training) -> Markup | None:
    """Logloss of train and valid after each round, the kept round marked."""
    if not found.valid_logloss:
        return None
    both = {"train": found.train_logloss, "valid": found.valid_logloss}
    values = [value for curve in both.values() for value in curve]
    best = (float(found.kept), found.valid_logloss[found.kept - 1])
    text = f"round {found.kept} kept: valid logloss {figures.measure(best[1])}"
    return line_chart(
        Caption("rounds", "Training curve", f"Logloss after each of {found.run} rounds; {text}."),
        Axis.over("round", 0, len(found.valid_logloss)),
        Axis.over("logloss", min(values), max(values)),
        [Line(name, [(float(n), v) for n, v in enumerate(curve, start=1)]) for name, curve in both.items()],
        marks=[Mark("valid", best, text)],
    )


def scores(found: Scores, threshold: float | None) -> Markup | None:
    """How the live bundle's scores are spread, the threshold marked."""
    if not found.histogram:
        return None
    told = f"{sum(found.histogram):,} scores from 0 to 1, mean {figures.measure(found.mean)}."
    mark = None if threshold is None else (threshold, f"threshold {threshold:.3f}")
    return column_chart(Caption("scores", "Scores", told), Axis.share("score"), found.histogram, look="test", mark=mark)


def split(windows: tuple[Window, ...]) -> Markup:
    """The windows along time."""
    ends = {w.name: (parse_instant(w.from_).timestamp(), parse_instant(w.to).timestamp()) for w in windows}
    first, last = min(start for start, _ in ends.values()), max(end for _, end in ends.values())
    length = (last - first) or 1.0
    return timeline([(name, (start - first) / length, (end - first) / length) for name, (start, end) in ends.items()])


def _lines(evaluation: Evaluation, points: Callable[[Curves], Iterable[Point]], *, dotted: bool = False) -> list[Line]:
    drawn = (Line(name, tuple(points(curves)), dotted) for name, curves in evaluation.curves.items())
    return [line for line in drawn if line.points]


def _marks(evaluation: Evaluation, place: Callable[[Confusion], Point]) -> list[Mark]:
    """Where the threshold puts each window; none where that has no place."""
    marks = []
    for name, metrics in evaluation.metrics.items():
        try:
            at = place(metrics.confusion)
        except ZeroDivisionError:
            continue
        marks.append(Mark(name, at, f"{name} at the threshold {evaluation.threshold:.3f}"))
    return marks


def _recall(cases: Confusion) -> float:
    return cases.true_positive / (cases.true_positive + cases.false_negative)


def _told(what: str, values: Mapping[str, float | None]) -> str:
    """The figures of each window as a sentence.

    >>> _told("AUC", {"valid": 0.7, "test": None})
    'AUC 0.7000 on valid, — on test.'
    """
    return f"{what} {', '.join(f'{figures.measure(value)} on {name}' for name, value in values.items())}."
