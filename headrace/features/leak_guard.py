"""The guard of law 6: no feature reads what may become known after `predict_at`, no label is of unknown age."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from headrace.features.availability import declared_known, group_time
from headrace.features.reach import Reach
from headrace.rules.names import joined_name, named_columns
from headrace.spec.columns import data_set_columns
from headrace.spec.data_set import DataSet
from headrace.spec.faults import Fault
from headrace.spec.located import Located, Project
from headrace.spec.model import Join, Model


def leaks(located: Located[Model], project: Project, inputs: Mapping[str, frozenset[str]]) -> list[Fault]:
    """A fault for every input that is not proven to be known at `predict_at`, whatever the row says.

    `inputs` has the columns that each feature reads. A column of the rows'
    own data set must be known, at the latest, at or before `predict_at`: by
    arithmetic on the two expressions and the contract's limits. A column that
    an as-of join brings is looked up as of what was known, row by row, so it
    needs no more than a known time; one that is looked up by key alone must be
    known always. A label needs a known time: by it, labels from beyond a window are
    left out.
    """
    guard = _Guard(located, project)
    return [*guard.label(), *guard.joins(), *guard.own(inputs), *guard.joined(inputs)]


@dataclass(frozen=True)
class _Guard:
    located: Located[Model]
    project: Project

    @property
    def model(self) -> Model:
        return self.located.value

    @property
    def rows(self) -> DataSet:
        return self.project.data_sets[self.model.rows].value

    def label(self) -> Iterator[Fault]:
        """Columns the label is made of."""
        data = self.project.data_sets[self.model.label.from_].value
        for column in sorted(named_columns(self.model.label.value)):
            if missing := declared_known(data, column).undeclared:
                yield self.located.fault(
                    "label.value",
                    f"{column} has no known time in data set {data.dataset}, so nobody could tell which labels a model "
                    f"may learn from; list {', '.join(sorted(missing))} under known in {data.dataset}, with the "
                    "expression that says when it becomes known (known: always if it always was)",
                )

    def own(self, inputs: Mapping[str, frozenset[str]]) -> Iterator[Fault]:
        """Columns of the rows' data set: of features, of `predict_at`, and those that joins go by."""
        own = data_set_columns(self.rows)
        uses = [(f"features.{name}", column) for name, columns in inputs.items() for column in sorted(columns)]
        uses += [("predict_at", column) for column in sorted(named_columns(self.model.predict_at))]
        uses += [(f"joins.{name}.on", column) for name, join in self.model.joins.items() for column in join.on]
        reach = Reach(self.rows)
        for key, column in uses:
            if column in own:
                for problem in self._too_late(reach, column):
                    yield self.located.fault(key, problem)

    def _too_late(self, reach: Reach, column: str) -> Iterator[str]:
        name, at = self.rows.dataset, self.model.predict_at
        found = declared_known(self.rows, column)
        for missing in sorted(found.undeclared):
            of = column if missing == column else f"{column} is made of {missing}, which"
            yield (
                f"{of} has no known time in data set {name}, so nothing shows that it is known at predict_at ({at}); "
                f"list {missing} under known in {name}, with the expression that says when it becomes known"
            )
        for group in sorted(found.groups):
            known = group_time(self.rows, group)
            if problem := _after(reach, known, at):
                yield (
                    f"{column} becomes known at {known} ({name}: known.{group}), and predict_at is {at}: {problem}. "
                    "A feature must not read the future: leave it out, or predict later"
                )

    def joins(self) -> Iterator[Fault]:
        """Tables that are looked up by key alone, which is only right for what never changes."""
        for name, join in self.model.joins.items():
            side = self.project.data_sets[join.from_].value
            if join.as_of is None and side.known != "always":
                yield self.located.fault(
                    f"joins.{name}",
                    f"{side.dataset} is looked up by key alone, but its rows become known over time; add as_of: <its "
                    f"time column> to take the latest row known at predict_at, or declare known: always in "
                    f"{side.dataset} if it never changes",
                )

    def joined(self, inputs: Mapping[str, frozenset[str]]) -> Iterator[Fault]:
        """Columns that as-of joins bring, which need a known time to be joined by."""
        for name, join in self.model.joins.items():
            if join.as_of is not None:
                for feature, columns in inputs.items():
                    yield from self._unknown(name, join, feature, columns)

    def _unknown(self, name: str, join: Join, feature: str, columns: frozenset[str]) -> Iterator[Fault]:
        side = self.project.data_sets[join.from_].value
        for column in data_set_columns(side):
            if joined_name(name, column) in columns and (missing := declared_known(side, column).undeclared):
                yield self.located.fault(
                    f"features.{feature}",
                    f"{name}.{column} has no known time: list {', '.join(sorted(missing))} under known in "
                    f"{side.dataset}, with the expression that says when it becomes known",
                )


def _after(reach: Reach, known: str, at: str) -> str:
    """Why the first time is not proven to be at or before the second; empty where it is.

    The difference is taken term by term, so that what both have in common
    falls out, and its lowest value then follows from the contract's limits.
    """
    early, late = reach.span(known), reach.span(at)
    if never := sorted(early.nullable - late.nullable):
        return (
            f"{', '.join(never)} may be null, and a null known time means never; make it required in the contract, "
            "or name the columns it is null with in another group"
        )
    if known == at:
        return ""
    ahead = late - early
    lowest = ahead.interval.low
    if lowest is None:
        return (
            f"it cannot be proven to be before, as nothing limits {', '.join(ahead.without_low)}; give limits in the "
            "contract (min, max), or write both times from the same column"
        )
    if lowest < 0:
        return f"it can be as much as {_readable(-lowest)} too late"
    return ""


def _readable(microseconds: object) -> str:
    return str(timedelta(microseconds=float(microseconds)))  # type: ignore[arg-type]  # a Fraction
