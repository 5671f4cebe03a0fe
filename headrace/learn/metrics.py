"""Metrics of a binary classifier, exact and global: from counts per distinct score, never from a sample.

Each takes `ScoreCounts` or the `Confusion` at a threshold and returns a float, or None
where the metric has no value (only one class, nothing predicted positive). `Metrics`
holds all of them, and `summary` fills it and says why one has no value. A new metric is
a function, a field and a line of `summary`; files, reports and pages take the fields
as they are. Positive means `score >= threshold`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from headrace.learn.score_counts import ScoreCounts

_EPSILON = 1e-16  # XGBoost's own bound, so that a reported logloss equals the one it stopped on
_EXACT = 1 << 62  # products of counts below it are summed in int64


@dataclass(frozen=True)
class Confusion:
    """How many examples fell into each of the four cases at one threshold."""

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int


def _metric(title: str, meaning: str) -> float | None:
    """A field of a metric, with what people are told of it."""
    return field(default=None, metadata={"title": title, "meaning": meaning})


@dataclass(frozen=True)
class Metrics:
    """How a model does on some examples; the fields are the keys of an evaluation file and of a report.

    A metric is None where it has no value, and `undefined` says why. Each field that
    has a title is the value of the function of its name.
    """

    rows: int
    positives: int
    confusion: Confusion
    base_rate: float | None = None  # positives / rows
    auc: float | None = _metric("AUC", "how often a positive scores above a negative; 0.5 is guessing")
    average_precision: float | None = _metric(
        "Average precision", "area under the precision-recall steps; the base rate is guessing"
    )
    logloss: float | None = _metric("Logloss", "lower is better")
    brier: float | None = _metric("Brier score", "mean squared distance from the outcome; lower is better")
    accuracy: float | None = _metric("Accuracy", "at the threshold")
    precision: float | None = _metric("Precision", "at the threshold: of those called positive, how many are")
    recall: float | None = _metric("Recall", "at the threshold: of the positives, how many are called so")
    f1: float | None = _metric("F1", "at the threshold: harmonic mean of precision and recall")
    undefined: Mapping[str, str] = field(default_factory=dict)  # metric → why it has no value


def auc(counts: ScoreCounts) -> float | None:
    """Area under the ROC curve: how often a positive scores above a negative, ties counting half.

    U / (P · N) with U = Σ over scores of p · (negatives below + n / 2), the Mann-Whitney
    statistic (Hanley & McNeil, Radiology 143, 1982).

    >>> auc(ScoreCounts.of([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]))
    0.75
    """
    positives, negatives = int(counts.positives.sum()), int(counts.negatives.sum())
    if not positives or not negatives:
        return None
    twice = 2 * (np.cumsum(counts.negatives) - counts.negatives) + counts.negatives
    if 2 * positives * negatives < _EXACT:
        return int((counts.positives * twice).sum()) / (2 * positives * negatives)
    return float((counts.positives.astype(np.float64) * twice).sum() / (2.0 * positives * negatives))


def average_precision(counts: ScoreCounts) -> float | None:
    """Area under the precision-recall steps: Σ (recallₖ - recallₖ₋₁) · precisionₖ, scores descending.

    No interpolation between the steps, as scikit-learn's `average_precision_score` defines it.

    >>> round(average_precision(ScoreCounts.of([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])), 4)
    0.8333
    """
    positives = counts.positive_rows
    if not positives:
        return None
    gained = counts.positives[::-1]
    taken = np.cumsum(gained + counts.negatives[::-1])
    return float((gained / positives * (np.cumsum(gained) / taken)).sum())


def logloss(counts: ScoreCounts) -> float | None:
    """Mean negative log-likelihood in nats: -Σ (p · ln s + n · ln(1 - s)) / rows.

    Probabilities below 1e-16 count as 1e-16, as in XGBoost's metric `logloss`.

    >>> round(logloss(ScoreCounts.of([0.5, 0.5], [0, 1])), 4)
    0.6931
    """
    if not counts.rows:
        return None
    score = counts.scores.astype(np.float64)
    hit = np.log(np.maximum(score, _EPSILON))
    miss = np.log(np.maximum(1.0 - score, _EPSILON))
    return float(-(counts.positives * hit + counts.negatives * miss).sum() / counts.rows)


def brier(counts: ScoreCounts) -> float | None:
    """Mean squared distance of the score from the label (Brier, Monthly Weather Review 78, 1950).

    >>> brier(ScoreCounts.of([0.5, 1.0], [0, 1]))
    0.125
    """
    if not counts.rows:
        return None
    score = counts.scores.astype(np.float64)
    total = (counts.positives * (1.0 - score) ** 2 + counts.negatives * score**2).sum()
    return float(total / counts.rows)


def confusion(counts: ScoreCounts, threshold: float) -> Confusion:
    """The four cases at a threshold; a score equal to it is positive.

    >>> confusion(ScoreCounts.of([0.2, 0.5, 0.7], [0, 1, 0]), 0.5)
    Confusion(true_positive=1, false_positive=1, true_negative=1, false_negative=0)
    """
    # Compared in float64: a threshold like 0.1 is not itself rounded to float32.
    at = int(np.searchsorted(counts.scores.astype(np.float64), threshold, side="left"))
    return Confusion(
        true_positive=int(counts.positives[at:].sum()),
        false_positive=int(counts.negatives[at:].sum()),
        true_negative=int(counts.negatives[:at].sum()),
        false_negative=int(counts.positives[:at].sum()),
    )


def accuracy(cases: Confusion) -> float | None:
    """The share of examples that were put on the right side: (TP + TN) / (TP + FP + TN + FN)."""
    right = cases.true_positive + cases.true_negative
    return _share(right, right + cases.false_positive + cases.false_negative)


def precision(cases: Confusion) -> float | None:
    """The share of the predicted positives that are positive: TP / (TP + FP)."""
    return _share(cases.true_positive, cases.true_positive + cases.false_positive)


def recall(cases: Confusion) -> float | None:
    """The share of the positives that were predicted positive: TP / (TP + FN)."""
    return _share(cases.true_positive, cases.true_positive + cases.false_negative)


def f1(cases: Confusion) -> float | None:
    """The harmonic mean of precision and recall: 2·TP / (2·TP + FP + FN).

    >>> f1(Confusion(true_positive=1, false_positive=1, true_negative=0, false_negative=0))
    0.6666666666666666
    """
    twice = 2 * cases.true_positive
    return _share(twice, twice + cases.false_positive + cases.false_negative)


def best_f1_threshold(counts: ScoreCounts) -> float | None:
    """The score that, as a threshold, gives the highest F1; of several, the highest score.

    >>> best_f1_threshold(ScoreCounts.of([0.25, 0.5, 0.75], [0, 1, 1]))
    0.5
    """
    positives = counts.positive_rows
    if not positives:
        return None
    hits = np.cumsum(counts.positives[::-1])
    taken = np.cumsum((counts.positives + counts.negatives)[::-1])
    # Scores descend, and argmax takes the first: ties go to the highest threshold.
    best = int(np.argmax(2 * hits / (positives + taken)))
    return float(counts.scores[::-1][best])


def summary(counts: ScoreCounts, threshold: float) -> Metrics:
    """Every metric; one without a value is None, and `undefined` gives its reason.

    >>> found = summary(ScoreCounts.of([0.5], [1]), 0.5)
    >>> found.auc, found.undefined["auc"]
    (None, 'only one class: 1 rows, 1 positive')
    """
    cases = confusion(counts, threshold)
    values = {
        "auc": auc(counts),
        "average_precision": average_precision(counts),
        "logloss": logloss(counts),
        "brier": brier(counts),
        "accuracy": accuracy(cases),
        "precision": precision(cases),
        "recall": recall(cases),
        "f1": f1(cases),
    }
    return Metrics(
        rows=counts.rows,
        positives=counts.positive_rows,
        confusion=cases,
        base_rate=_share(counts.positive_rows, counts.rows),
        **values,
        undefined={name: _reason(name, counts) for name, value in values.items() if value is None},
    )


def _reason(name: str, counts: ScoreCounts) -> str:
    if not counts.rows:
        return "no rows"
    if name == "auc":
        return f"only one class: {counts.rows} rows, {counts.positive_rows} positive"
    if name == "precision":
        return "nothing was predicted positive"
    return "no positive rows"


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
