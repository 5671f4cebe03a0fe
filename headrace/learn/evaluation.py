"""What is reported of a bundle: metrics per window and slice, curves, importance; stable, documented keys.

`evaluation` gives this mapping. A metric that has no value is null, and `undefined`
beside it says why. METRICS stands for the fields of `headrace.learn.metrics.Metrics`.

    format, model, written_at
    bundle      id, digest, path, created_at, rounds {kept, run, asked}
    examples    table, id, version
    threshold   value (a score from there on is positive), chosen (f1 or fixed), on (valid)
    windows     per window: from, to, METRICS, curves {roc, precision_recall, calibration}: a list per axis,
                slices {column: {values: [{value, METRICS}] largest first, left_out}}
    importance  [{feature, gain, total_gain, splits}]
    training    train_logloss [], valid_logloss [], one per round
    made_from   what decides the evaluation; while it is the same, there is nothing to do
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from headrace.learn.bundle import Bundle
from headrace.learn.curves import calibration_curve, precision_recall_curve, roc_curve
from headrace.learn.metrics import best_f1_threshold, summary
from headrace.learn.slices import SliceCounts

MOST_VALUES = 200  # of one slice column, the largest; the rest is counted in `left_out`
_NO_POSITIVES = 0.5  # a threshold where no F1 can be computed


def evaluation(
    counts: Mapping[str, SliceCounts],
    windows: Mapping[str, Mapping[str, Any]],
    threshold: str | float,
    bundle: Bundle,
    made_from: Mapping[str, Any],
    written_at: str,
) -> dict[str, Any]:
    """The whole report of one bundle on one version of the examples, as plain values.

    Args:
        counts: per window the counts of all rows and of every slice.
        windows: per window its bounds.
        threshold: `f1`: the one with the best F1 on valid; or a number.
        bundle: which bundle scored.
        made_from: examples and settings.
        written_at: ISO time, UTC.
    """
    value = _threshold(counts["valid"], threshold)
    return {
        "format": 1,
        "model": bundle.card["model"],
        "written_at": written_at,
        "bundle": {
            "id": bundle.id,
            "digest": bundle.digest,
            "path": bundle.path,
            "created_at": bundle.card["created_at"],
            "rounds": bundle.card["rounds"],
        },
        "examples": made_from["examples"],
        "threshold": {"value": value, "chosen": "f1" if threshold == "f1" else "fixed", "on": "valid"},
        "windows": {
            name: {"from": windows[name]["from"], "to": windows[name]["to"], **_window(slices, value)}
            for name, slices in counts.items()
        },
        "importance": bundle.card["importance"],
        "training": bundle.card["curve"],
        "made_from": dict(made_from),
    }


def _threshold(valid: SliceCounts, threshold: str | float) -> float:
    if threshold != "f1":
        return float(threshold)
    best = best_f1_threshold(valid.whole())
    return _NO_POSITIVES if best is None else best


def _window(counts: SliceCounts, threshold: float) -> dict[str, Any]:
    whole = counts.whole()
    return {
        **asdict(summary(whole, threshold)),
        "curves": {
            "roc": roc_curve(whole),
            "precision_recall": precision_recall_curve(whole),
            "calibration": calibration_curve(whole),
        },
        "slices": {column: _slice(counts, column, threshold) for column in counts.columns},
    }


def _slice(counts: SliceCounts, column: str, threshold: float) -> dict[str, Any]:
    largest = counts.largest(column, MOST_VALUES)
    return {
        "values": [{"value": value, **asdict(summary(found, threshold))} for value, found in largest],
        "left_out": max(len(counts.values(column)) - MOST_VALUES, 0),
    }
