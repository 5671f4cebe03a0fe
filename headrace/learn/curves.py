"""The points of the curves in a report: exact positions, only fewer of them."""

import numpy as np
import numpy.typing as npt

from headrace.learn.score_counts import ScoreCounts

type Points = dict[str, list[float]]

_POINTS = 400  # of one curve, at most
_BINS = 20  # of the calibration, at most


def roc_curve(counts: ScoreCounts) -> Points:
    """False- and true-positive rates from (0, 0) to (1, 1), thresholds descending.

    Every point lies on the exact curve. Empty lists when there is only one class.

    >>> roc_curve(ScoreCounts.of([0.25, 0.75], [0, 1]))
    {'false_positive_rate': [0.0, 0.0, 1.0], 'true_positive_rate': [0.0, 1.0, 1.0]}
    """
    positives, negatives = counts.positives.sum(), counts.negatives.sum()
    if not positives or not negatives:
        return {"false_positive_rate": [], "true_positive_rate": []}
    hit = np.concatenate([[0.0], np.cumsum(counts.positives[::-1]) / positives])
    alarm = np.concatenate([[0.0], np.cumsum(counts.negatives[::-1]) / negatives])
    kept = _thinned(hit + alarm, _POINTS)
    return {"false_positive_rate": alarm[kept].tolist(), "true_positive_rate": hit[kept].tolist()}


def precision_recall_curve(counts: ScoreCounts, points: int = _POINTS) -> Points:
    """Recall, precision and the threshold that gives them, thresholds descending.

    Empty lists when there are no positives.

    >>> precision_recall_curve(ScoreCounts.of([0.25, 0.75], [0, 1]))
    {'recall': [1.0, 1.0], 'precision': [1.0, 0.5], 'threshold': [0.75, 0.25]}
    """
    positives = counts.positives.sum()
    if not positives:
        return {"recall": [], "precision": [], "threshold": []}
    hits = np.cumsum(counts.positives[::-1])
    taken = np.cumsum((counts.positives + counts.negatives)[::-1])
    kept = _thinned(hits / positives + taken / taken[-1], points)
    return {
        "recall": (hits[kept] / positives).tolist(),
        "precision": (hits[kept] / taken[kept]).tolist(),
        "threshold": counts.scores[::-1][kept].astype(np.float64).tolist(),
    }


def calibration_curve(counts: ScoreCounts) -> dict[str, list[float] | list[int]]:
    """Mean score, observed share of positives and rows of bins that hold about equally many rows.

    Rows of one score stay together, so there may be fewer than twenty bins.

    >>> calibration_curve(ScoreCounts.of([0.25, 0.25, 0.75, 0.75], [0, 0, 1, 0]))
    {'score': [0.25, 0.75], 'observed': [0.0, 0.5], 'rows': [2, 2]}
    """
    if not counts.rows:
        return {"score": [], "observed": [], "rows": []}
    rows = counts.positives + counts.negatives
    middle = np.cumsum(rows) - rows / 2
    place = np.minimum((middle * _BINS / counts.rows).astype(np.int64), _BINS - 1)
    starts = np.flatnonzero(np.concatenate([[True], place[1:] != place[:-1]]))
    held = np.add.reduceat(rows, starts)
    score = np.add.reduceat(counts.scores.astype(np.float64) * rows, starts) / held
    observed = np.add.reduceat(counts.positives, starts) / held
    return {"score": score.tolist(), "observed": observed.tolist(), "rows": held.tolist()}


def _thinned(way: npt.NDArray[np.float64], points: int) -> npt.NDArray[np.int64]:
    """At most `points` positions, evenly spaced along an ascending way, first and last among them."""
    if len(way) <= points:
        return np.arange(len(way))
    marks = np.linspace(way[0], way[-1], points)
    kept = np.unique(np.searchsorted(way, marks, side="left"))
    kept[-1] = len(way) - 1
    return kept
