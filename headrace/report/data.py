"""The report as data: `reports/<model>.json`, for programs.

The keys are stable; `<…>` stands for a name or value of the data, `[]` for each of a
list, `?` for a part that is null while it is not there yet (`missing` says why). A
metric without a value is null. Times are ISO 8601, UTC; shares are 0 to 1.

    format                              of this file: 1
    project, model                      their names
    made_at                             when this report was made
    question.rows                       the data set each prediction is made for
    question.predict_at                 when, as the model file has it
    question.label                      what is predicted, as the model file has it
    question.label_from                 the data set the label is read from
    missing[].part                      what could not be told
    missing[].why                       why
    missing[].cure                      the command that makes it appear
    windows.<window>.from, to           bounds; `to` is not included
    windows.<window>.rows               examples
    windows.<window>.positives          of them, with a positive label
    windows.<window>.unlabeled          rows without a label: scored, not learned from
    windows.<window>.known_late         rows whose label came after the next window began
    accounts.<data set>.plans           plans that were committed
    accounts.<data set>.files, bytes    what they read
    accounts.<data set>.read            rows = accepted + quarantined + duplicate
    accounts.<data set>.accepted        rows in the events table
    accounts.<data set>.quarantined     rows in the quarantine table
    accounts.<data set>.duplicate       rows left out as repeats of a key
    accounts.<data set>.duplicates      how repeats were looked for
    accounts.<data set>.refused         files not read whole; each part that is lacking is one quarantined row
    accounts.<data set>.replaced        rows that left the table, as later ones came in their place
    accounts.<data set>.reasons.<rule>  rows that broke it; a row counts once for each
    accounts.<data set>.meanings.<rule>  the same in words
    accounts.<data set>.first, last     event time of the accepted rows; null where there is none
    features?.rows                      in the feature table: every row that was due
    features?.builds                    how many builds made it
    features?.waiting                   rows not due yet at the last build
    features?.catch_up                  rows that came after their time was built, and were built then
    features?.never_due                 rows without a time to predict at
    features?.until                     the time through which features are built
    columns.<column>.kind               its type in the feature table
    columns.<column>.rows               rows
    columns.<column>.missing            of them null, NaN, infinite or beyond ±2^126
    columns.<column>.low, mean, high    of the others; null for text, and no mean of times
    columns.<column>.distinct           different values of text; null above 10,000
    columns.<column>.most_frequent      value of text
    columns.<column>.histogram[]        rows in bins of equal width, low to high; of text: per frequent value
    bundle?.id                          12 digits; the name of its folder
    bundle?.digest                      SHA-256 of model.json
    bundle?.created_at                  when it was trained
    bundle?.content.<window>            digest of the examples it learned from
    bundle?.spec                        digest of the feature spec
    bundle?.workers[].<window>.rows     examples that each worker read
    bundle?.workers[].<window>.row_groups  and in how many pieces
    training?.kept, run, asked          rounds
    training?.train_logloss[]           after each round
    training?.valid_logloss[]           after each round
    importance[].feature                by total gain, falling
    importance[].total_gain, gain       loss saved by all its splits, and per split
    importance[].splits                 how often it was split on
    evaluated?.bundle                   the bundle the metrics are of
    evaluated?.made_at                  when
    evaluated?.threshold                score from which a row counts as positive
    evaluated?.chosen                   f1: the best F1 on valid; fixed: by the model file
    metrics.<window>                    as `headrace.learn.metrics.Metrics` has it, a key for each field
    curves.<window>.roc.false_positive_rate[], true_positive_rate[]
    curves.<window>.precision_recall.recall[], precision[], threshold[]
    curves.<window>.calibration.score[], observed[], rows[]
    slices.<column>.left_out            values with fewer examples that are not told
    slices.<column>.values[].value      as text, or null
    slices.<column>.values[].metrics.<window>  as `metrics.<window>`
    scores?.rows                        in the scores table
    scores?.by_bundle.<bundle>          rows each bundle has scored
    scores?.first, last                 `predict_at` of the scored rows
    scores?.mean                        of the live bundle's scores
    scores?.histogram[]                 the live bundle's scores in 50 bins of equal width from 0 to 1
    tables.<name>.id, version, rows, root  a table as it stands
    tables.<name>.learned_from          the version the bundle was made from; null where it read none
    settings.<setting>                  of training, as the bundle's card has them
    versions.<library>                  that trained it, Python and machine among them
    steps.<step>.seconds, at            how long its last run took, and when that ended
"""

from dataclasses import asdict
from typing import Any

from headrace.report.contents import DataSetAccount, Report


def as_data(report: Report) -> dict[str, Any]:
    """The report as plain values under the keys above."""
    trained, evaluation, features = report.trained, report.evaluation, report.features
    return {
        "format": 1,
        "project": report.project,
        "model": report.model,
        "made_at": report.made_at,
        "question": asdict(report.question),
        "missing": [asdict(m) for m in report.missing],
        "windows": {w.name: {"from": w.from_, **_without(w, "name", "from_")} for w in report.windows},
        "accounts": {a.name: _account(a) for a in report.accounts},
        "features": features and _without(features, "columns"),
        "columns": {c.name: _without(c, "name") for c in features.columns} if features else {},
        "bundle": trained and _without(trained, "training", "importance", "settings", "versions"),
        "training": trained and asdict(trained.training),
        "importance": [asdict(g) for g in trained.importance] if trained else [],
        "evaluated": evaluation and _without(evaluation, "metrics", "curves", "slices"),
        "metrics": {name: asdict(m) for name, m in evaluation.metrics.items()} if evaluation else {},
        "curves": {name: asdict(c) for name, c in evaluation.curves.items()} if evaluation else {},
        "slices": {s.column: _without(s, "column") for s in evaluation.slices} if evaluation else {},
        "scores": report.scores and asdict(report.scores),
        "tables": {t.name: _without(t, "name") for t in report.tables},
        "settings": dict(trained.settings) if trained else {},
        "versions": dict(trained.versions) if trained else {},
        "steps": {s.name: _without(s, "name") for s in report.steps},
    }


def _account(account: DataSetAccount) -> dict[str, Any]:
    # Examples of rows stay out: their bytes belong to the table, and on the page they are cut.
    return _without(account, "name", "examples")


def _without(part: Any, *names: str) -> dict[str, Any]:
    return {name: value for name, value in asdict(part).items() if name not in names}
