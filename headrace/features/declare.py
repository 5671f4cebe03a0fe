"""From the features of a model file to steps over typed columns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from headrace.features.steps import Number, State, Step, given, outputs
from headrace.rules import Expression, Type, compile_expression
from headrace.rules.names import joined_name, plain_column, stored_name
from headrace.spec import model
from headrace.spec.faults import Fault
from headrace.spec.located import Located
from headrace.spec.model import Model

_XGBOOST_FORBIDS = frozenset("[]<")


@dataclass(frozen=True)
class Feature:
    """One declared feature, or one column of a `take`."""

    name: str  # as declared; a fault is at features.<name>
    names: tuple[str, ...]  # the columns it puts out
    step: Step
    of: tuple[Expression, ...]  # its inputs; only a hash has more than one
    inputs: tuple[str, ...]  # what they are called beside the rows' columns, and stored as if the step is fitted
    given: State | None  # the step's state; None: fitted

    @property
    def stored(self) -> tuple[str, ...]:
        """The columns that are stored for it: its values where they need no state, else its input."""
        return self.inputs if self.given is None else tuple(f"f__{name}" for name in self.names)


def declared(model_: Model, columns: Mapping[str, Type]) -> tuple[Feature, ...]:
    """The features of a model in their order, over these input columns."""
    return tuple(
        Feature(
            name,
            names,
            step,
            tuple(compile_expression(text, columns) for text in of),
            tuple(plain_column(text) or f"i__{name}" for text in of),
            given(step),
        )
        for name, feature in model_.features.items()
        for names, step, of in _parts(name, feature, columns)
    )


def _parts(
    name: str, feature: model.Feature, columns: Mapping[str, Type]
) -> Iterator[tuple[tuple[str, ...], Step, tuple[str, ...]]]:
    """What a feature puts out, how, and of which expressions; a `take` is one for each of its columns."""
    match feature:
        case str():
            yield (name,), Number(), (feature,)
        case model.Take():
            for column in feature.columns:
                stored = joined_name(feature.take, column)
                yield (stored,), Number(), (f'"{stored}"',)
        case model.Hash():
            yield outputs(name, feature), feature, tuple(f'"{stored_name(of, columns)}"' for of in feature.of)
        case _:
            yield outputs(name, feature), feature, (feature.of,)


def name_faults(located: Located[Model], features: tuple[Feature, ...]) -> Iterator[Fault]:
    """Faults where a column put out or stored would have two meanings, or a name that XGBoost does not take."""
    owners: dict[str, str] = {}
    kept = {feature.inputs[0]: feature.of[0].text for feature in features if feature.given is None}
    for feature in features:
        for column in feature.names:
            found = ""
            if _XGBOOST_FORBIDS & set(column):
                found = "has one of [ ] <, which XGBoost takes in no name; rename it in the data set's source"
            elif column in owners:
                found = f"is put out by {owners[column]} too; rename one of them"
            elif feature.given is not None and f"f__{column}" in kept:
                found = f"would be stored as f__{column}, which is a column already; rename the feature"
            elif feature.given is None and kept[feature.inputs[0]] != feature.of[0].text:
                found = f"would keep its input as {feature.inputs[0]}, which is a column already; rename the feature"
            if found:
                yield located.fault(f"features.{feature.name}", f"{column} {found}")
            owners[column] = feature.name
