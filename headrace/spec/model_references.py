"""Whether a model holds together with the data sets it reads."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from headrace.nearest import nearest
from headrace.rules.names import joined_name, stored_name
from headrace.spec.data_set import DataSet
from headrace.spec.faults import Fault
from headrace.spec.feature_faults import NUMERIC, check_features
from headrace.spec.located import Located
from headrace.spec.model import Join, Model, Window
from headrace.spec.references import Findings, Scope, reserved, spelled_alike, with_article
from headrace.spec.values import parse_instant

type Scopes = Mapping[str, Scope | None]
"""The columns of every data set of a project; None of one that could not be read."""


def check_model(located: Located[Model], data_sets: Mapping[str, Located[DataSet]], scopes: Scopes) -> list[Fault]:
    """Every fault in what a model says of data sets, columns and times."""
    model, findings = located.value, _Findings(located, data_sets, scopes)
    rows = findings.data_set("rows", model.rows)
    sides = {name: findings.data_set(f"joins.{name}.from", join.from_) for name, join in model.joins.items()}
    _check_label(model, rows, findings)
    for name, other in spelled_alike(model.joins):
        findings.add(f"joins.{name}", f"differs from {other} only by capitals; rename one")
    for name, join in model.joins.items():
        _check_join(name, join, rows, sides[name], findings)
    if rows:
        if findings.data_sets[model.rows].latest_by:
            findings.add(
                "rows",
                f"rows of {model.rows} are replaced by later ones (on_repeat.latest_by), and what was made for a row "
                "would be made for another one; predict for rows that stay, and join this data set instead",
            )
        findings.timed("rows", model.rows, "a row is due once all that came before it is there")
        findings.timestamp("predict_at", model.predict_at, rows)
        for name in model.evaluate.slices:
            findings.column("evaluate.slices", name, rows)
        if model.split.by != "predict_at":
            findings.timestamp_column("split.by", model.split.by, rows)
        check_features(model, _inputs(rows, sides), sides, findings)
    _check_windows(model, findings)
    return findings.faults


class _Findings(Findings):
    """Of a model: knows where else in the project a name is a column."""

    def __init__(self, located: Located[Model], data_sets: Mapping[str, Located[DataSet]], scopes: Scopes) -> None:
        super().__init__(located)
        self._model = located.value
        self.data_sets = {name: data.value for name, data in data_sets.items()}
        self._scopes = scopes

    def data_set(self, key: str, name: str) -> Scope | None:
        """The columns of a data set; None after a fault, or where it could not be read."""
        if name not in self._scopes:
            self.add(key, f"there is no data set {name} in this project; {nearest(name, self._scopes)}")
        return self._scopes.get(name)

    def timed(self, key: str, name: str, why: str) -> None:
        """Ask that a data set has a time, by which it is told how far it is complete."""
        if self.data_sets[name].time is None:
            self.add(key, f"{name} has no time, and {why}; declare its event time there: time: <a timestamp column>")

    def unknown(self, name: str, scope: Scope) -> str | None:
        """Where a name that is not in scope can be had."""
        for join, side in self._model.joins.items():
            if stored_name(f"{join}.{name}", scope.columns) in scope.columns:
                return f"{name} is not a column of {scope.of}; {side.from_} has it, by a join: write {join}.{name}"
        for other, columns in self._scopes.items():
            if columns and name in columns.columns and other != scope.of:
                known = self._known(other, name) if scope.elsewhere else ""
                return f"{name} is not a column of {scope.of}; {other} has it{known}{scope.elsewhere}"
        return None

    def _known(self, data_set: str, column: str) -> str:
        data = self.data_sets[data_set]
        if data.known == "always":
            return " (always known)"
        at = next((group.at for group in data.known.values() if column in group.columns), None)
        return f" (known at {at})" if at else ""


def _inputs(rows: Scope, sides: Scopes) -> Scope:
    """What features may read: the columns of the rows, and those of the joins as `join__column`."""
    columns, unsure = dict(rows.columns), set(rows.unsure)
    for join, side in sides.items():
        if side is None:
            unsure.add(join)
            continue
        columns |= {joined_name(join, column): type_ for column, type_ in side.columns.items()}
        unsure |= {joined_name(join, column) for column in side.unsure}
    cure = ": join it or aggregate it, if it is known before predict_at"
    return Scope(rows.of, columns, frozenset(unsure), cure)


def _check_label(model: Model, rows: Scope | None, findings: _Findings) -> None:
    label = model.label
    side = findings.data_set("label.from", label.from_)
    if not side:
        return
    type_ = findings.type_of("label.value", label.value, side)
    if type_ and type_.kind not in NUMERIC:
        findings.add("label.value", f"a label is true or false, or 0 or 1; this is {with_article(type_)}")
    if not rows:
        return
    if label.on != "key":
        _check_equal("label.on", label.on, rows, side, findings)
        return
    keys = {name: findings.data_sets[name].key for name in (model.rows, label.from_)}
    if not (rows.columns.keys() >= set(keys[model.rows]) and side.columns.keys() >= set(keys[label.from_])):
        return  # a key that names no column is a fault of its data set
    cure = "or name the columns that are equal in both: on: [...]"
    if keyless := [name for name, key in keys.items() if not key]:
        findings.add("label.on", f"{' and '.join(keyless)} has no key; declare one, {cure}")
    elif set(keys[model.rows]) != set(keys[label.from_]):
        both = " and ".join(f"that of {name} is {', '.join(key)}" for name, key in keys.items())
        findings.add("label.on", f"the keys differ: {both}; declare the same, {cure}")
    else:
        _check_equal("label.on", keys[model.rows], rows, side, findings)


def _check_equal(key: str, names: Iterable[str], rows: Scope, side: Scope, findings: _Findings) -> None:
    """Ask that columns are in both data sets, with the same type."""
    for name in names:
        left, right = findings.column(key, name, rows), findings.column(key, name, side)
        if left and right and left != right:
            here, there = with_article(left), with_article(right)
            findings.add(key, f"{name} is {here} in {rows.of} and {there} in {side.of}; it must be of one type")


def _check_join(name: str, join: Join, rows: Scope | None, side: Scope | None, findings: _Findings) -> None:
    key = f"joins.{name}"
    if why := reserved(name):
        findings.add(key, why)
    if rows and name.casefold() in {column.casefold() for column in rows.columns}:
        findings.add(key, f"{name} is a column of {rows.of} too; give the join another name")
    if rows and side:
        _check_equal(f"{key}.on", join.on, rows, side, findings)
    if side and join.as_of is not None:
        findings.timed(key, join.from_, "an as-of join waits until all that is earlier is there")
        findings.timestamp_column(f"{key}.as_of", join.as_of, side)
    if join.tolerance is not None and join.as_of is None:
        findings.add(f"{key}.tolerance", "is how old a row may be as of a time; name that time by as_of, or delete it")


def _check_windows(model: Model, findings: _Findings) -> None:
    last: tuple[str, datetime] | None = None
    windows: dict[str, Window | None] = {name: getattr(model.split, name) for name in ("train", "valid", "test")}
    for name, window in windows.items():
        key = f"split.{name}"
        if window is None:
            continue
        begin, end = (findings.parsed(key, text, parse_instant) for text in window)
        if begin and end and begin >= end:
            findings.add(key, f"begins at {window[0]} and ends at {window[1]}; the end must be later")
        if begin and last and begin < last[1]:
            findings.add(key, f"begins before {last[0]} ends; windows follow each other: train, valid, test")
        if end:
            last = name, end
    if model.score.since is not None:
        findings.parsed("score.since", model.score.since, parse_instant)
