"""Metrics are exact: against brute force over all pairs and thresholds, and against known values."""

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.learn import metrics
from headrace.learn.curves import calibration_curve, precision_recall_curve, roc_curve
from headrace.learn.score_counts import ScoreCounts
from headrace.learn.slice_files import read_slices, write_slices
from headrace.learn.slices import WHOLE, SliceCounts, count_slices

examples = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.9, 1.0]), st.integers(0, 1)),
    min_size=1,
    max_size=40,
)


def _counts(rows):
    return ScoreCounts.of([score for score, _ in rows], [label for _, label in rows])


@given(examples)
def test_auc_is_the_share_of_pairs_in_the_right_order(rows):
    """Every positive is compared with every negative; a tie counts half."""
    score = [(np.float32(s), label) for s, label in rows]
    pairs = [(p, n) for (p, a), (n, b) in itertools.product(score, score) if a == 1 and b == 0]
    expected = sum((p > n) + (p == n) / 2 for p, n in pairs) / len(pairs) if pairs else None

    assert metrics.auc(_counts(rows)) == (None if expected is None else pytest.approx(expected, abs=1e-12))


@given(examples)
def test_average_precision_sums_the_steps_over_every_threshold(rows):
    """Each distinct score is tried as a threshold, and precision weighted by the recall it adds."""
    scores = np.array([s for s, _ in rows], np.float32)
    labels = np.array([label for _, label in rows])
    expected, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        taken = scores >= threshold
        recall = labels[taken].sum() / max(labels.sum(), 1)
        expected += (recall - before) * labels[taken].mean()
        before = recall

    found = metrics.average_precision(_counts(rows))
    assert found == (pytest.approx(expected, abs=1e-12) if labels.sum() else None)


@given(examples)
def test_best_threshold_is_the_best_of_all(rows):
    """No distinct score gives a higher F1, and of equals the highest was taken."""
    counts = _counts(rows)
    tried = {float(s): metrics.f1(metrics.confusion(counts, float(s))) for s in counts.scores}
    best = metrics.best_f1_threshold(counts)

    if counts.positive_rows:
        assert best == max(s for s, value in tried.items() if value == max(tried.values()))
    else:
        assert best is None


@given(examples, st.randoms())
@settings(max_examples=50)
def test_counts_do_not_depend_on_order_or_split(rows, random):
    """Shuffled, cut and merged, the counts are the same arrays and every metric the same float."""
    whole = _counts(rows)
    shuffled = list(rows)
    random.shuffle(shuffled)
    at = random.randint(0, len(rows))
    parts = ScoreCounts.merged([_counts(part) for part in (shuffled[:at], shuffled[at:])])

    assert (parts.scores.tolist(), parts.positives.tolist(), parts.negatives.tolist()) == (
        whole.scores.tolist(),
        whole.positives.tolist(),
        whole.negatives.tolist(),
    )
    assert metrics.summary(parts, 0.5) == metrics.summary(whole, 0.5)


def test_logloss_and_brier_of_known_probabilities():
    """Two values worked out by hand; a certain and wrong score counts as XGBoost counts it."""
    counts = ScoreCounts.of([0.25, 0.75], [0, 1])
    certain = ScoreCounts.of([1.0], [0])

    assert metrics.logloss(counts) == pytest.approx(-math.log(0.75))
    assert metrics.brier(counts) == pytest.approx(0.0625)
    assert metrics.logloss(certain) == pytest.approx(-math.log(1e-16))


def test_logloss_equals_the_one_xgboost_stops_on():
    """The reported logloss is the trained one, up to float32 sums inside XGBoost."""
    random = np.random.default_rng(3)
    values = random.normal(size=(500, 2)).astype("f4")
    labels = (values[:, 0] + random.normal(size=500) > 0).astype("f4")
    matrix = xgb.DMatrix(values, labels)
    log = {}
    booster = xgb.train(
        {"objective": "binary:logistic", "eval_metric": ["logloss", "auc"]},
        matrix,
        5,
        evals=[(matrix, "train")],
        evals_result=log,
        verbose_eval=False,
    )
    counts = ScoreCounts.of(booster.predict(matrix), labels)

    assert metrics.logloss(counts) == pytest.approx(log["train"]["logloss"][-1], abs=1e-6)
    assert metrics.auc(counts) == pytest.approx(log["train"]["auc"][-1], abs=1e-6)


def test_a_metric_without_a_value_is_null_and_says_why():
    """One class, no positive prediction, no rows: each has its reason, none is NaN."""
    one_class = metrics.summary(ScoreCounts.of([0.2, 0.3], [0, 0]), 0.5)
    none = metrics.summary(ScoreCounts.of([], []), 0.5)

    assert one_class.auc is None
    assert one_class.undefined == {
        "auc": "only one class: 2 rows, 0 positive",
        "average_precision": "no positive rows",
        "precision": "nothing was predicted positive",
        "recall": "no positive rows",
        "f1": "no positive rows",
    }
    assert set(none.undefined.values()) == {"no rows"}


def test_a_threshold_between_two_float32_scores_is_not_rounded():
    """0.1 as a threshold is below the float32 nearest to it, so that score is positive."""
    assert metrics.confusion(ScoreCounts.of([0.1], [1]), 0.1).true_positive == 1


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [([0.1], [2], "0 or 1"), ([float("nan")], [1], "no numbers"), ([0.1, 0.2], [1], "2 scores but 1 labels")],
)
def test_counts_refuse_what_is_no_score_or_label(scores, labels, message):
    """A NaN score or a third class is an error, not a count."""
    with pytest.raises(ValueError, match=message):
        ScoreCounts.of(scores, labels)


def test_thinned_curves_keep_their_ends_and_lie_on_the_exact_curve():
    """At most 400 of 5,000 points, the first and the last among them, each one exact."""
    random = np.random.default_rng(1)
    scores = random.random(5000).astype("f4")
    counts = ScoreCounts.of(scores, random.random(5000) < scores)
    roc, recall = roc_curve(counts), precision_recall_curve(counts)
    exact = precision_recall_curve(counts, points=10_000)

    assert len(roc["true_positive_rate"]) <= 400
    assert (roc["false_positive_rate"][0], roc["true_positive_rate"][0]) == (0.0, 0.0)
    assert (roc["false_positive_rate"][-1], roc["true_positive_rate"][-1]) == (1.0, 1.0)
    assert len(recall["recall"]) <= 400
    assert recall["recall"][-1] == 1.0
    assert set(zip(*recall.values(), strict=True)) <= set(zip(*exact.values(), strict=True))
    area = np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"])
    assert area == pytest.approx(metrics.auc(counts), abs=1e-4)


def test_calibration_bins_hold_every_row_once():
    """Bins are about equally full, and sums over them give all rows and all positives."""
    random = np.random.default_rng(2)
    scores = random.random(2000).astype("f4")
    labels = random.random(2000) < scores
    curve = calibration_curve(ScoreCounts.of(scores, labels))

    assert sum(curve["rows"]) == 2000
    assert max(curve["rows"]) - min(curve["rows"]) <= 2
    found = sum(o * n for o, n in zip(curve["observed"], curve["rows"], strict=True))
    assert found == pytest.approx(labels.sum())


def _parts():
    """The same four rows in two parts; one carrier and one month are in both."""
    first = {"carrier": pa.chunked_array([["AA"], [None]]), "month": pa.chunked_array([[1, 1]])}
    second = {"carrier": pa.chunked_array([["AA", "B6"]]), "month": pa.chunked_array([[2, 1]])}
    return [count_slices([0.5, 0.7], [0, 1], first), count_slices([0.5, 0.1], [1, 1], second)]


def test_slices_count_the_rows_of_each_value():
    """Two parts merged give each value's rows, null among them, the largest first, and the whole."""
    found = SliceCounts.merged(_parts())

    assert found.columns == ("carrier", "month")
    assert found.values("carrier") == [("AA", 2), (None, 1), ("B6", 1)]
    assert [(value, counts.rows) for value, counts in found.largest("month", 1)] == [("1", 3)]
    [(_, counts)] = found.largest("carrier", 1)
    assert (counts.scores.tolist(), counts.positives.tolist(), counts.negatives.tolist()) == ([0.5], [1], [1])
    assert found.whole().scores.tolist() == np.float32([0.1, 0.5, 0.7]).tolist()


def test_slices_in_files_are_the_same_slices(tmp_path):
    """Written by two tasks and mapped, they give the same counts; no rows at all are a slice count too."""
    parts = [*_parts(), count_slices([], [], {"carrier": pa.chunked_array([], pa.string())})]
    mapped = read_slices(str(tmp_path), [file for part in parts for file in write_slices(str(tmp_path), part)])
    held = SliceCounts.merged(parts)

    for column in (WHOLE, "carrier", "month"):
        for (value, one), (same, other) in zip(held.largest(column, 9), mapped.largest(column, 9), strict=True):
            assert value == same
            assert metrics.summary(one, 0.5) == metrics.summary(other, 0.5)


@given(examples, st.lists(st.sampled_from(["x", "y", None]), min_size=60, max_size=60), st.integers(0, 60))
@settings(max_examples=50)
def test_a_slice_is_what_its_rows_alone_give(rows, names, at):
    """However the rows are cut into parts, each value counts exactly its own rows."""
    rows = rows[: len(names)]
    parts = []
    for part, own in ((rows[:at], names[:at]), (rows[at:], names[at : len(rows)])):
        column = pa.chunked_array([pa.array(own[: len(part)], pa.string())])
        parts.append(count_slices([score for score, _ in part], [label for _, label in part], {"name": column}))
    for value, counts in SliceCounts.merged(parts).largest("name", 9):
        alone = _counts([row for row, name in zip(rows, names, strict=False) if name == value])
        assert metrics.summary(counts, 0.5) == metrics.summary(alone, 0.5)
