"""Whether the features of a model fit the columns they are computed of."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from headrace.nearest import nearest
from headrace.rules.column_type import Kind, Type
from headrace.spec.model import Bins, Clip, Feature, Hash, Model, Take, Vocabulary
from headrace.spec.references import Findings, Scope, reserved, spelled_alike, with_article

NUMERIC: tuple[Kind, ...] = ("int", "double", "decimal", "bool")
"""What can be learned from, and what most steps are computed of; true and false count as 1 and 0."""

_HASHED: tuple[Kind, ...] = ("int", "decimal", "bool", "string", "date")
_RANKED: tuple[Kind, ...] = (*_HASHED, "double")

_CURES = {
    "string": "; a step makes numbers of it: {fn: vocabulary, of: …}",
    "date": "; a step makes numbers of it: {fn: vocabulary, of: …}",
    "timestamp": "; take a part of it, as dayofweek(…), or divide a difference by hours(1)",
    "duration": "; divide it by minutes(1) for a number",
}


def check_features(model: Model, inputs: Scope, sides: Mapping[str, Scope | None], findings: Findings) -> None:
    """Find what is wrong with the section `features`.

    Args:
        model: its features are checked.
        inputs: what they may read: the columns of the rows, and those of joins under their stored names.
        sides: the columns of each join's data set; None where it could not be read.
        findings: where faults are kept.
    """
    for name, feature in model.features.items():
        key = f"features.{name}"
        if why := reserved(name):
            findings.add(key, why)
        match feature:
            case str():
                _check_input(key, feature, NUMERIC, inputs, findings)
            case Take():
                _check_take(key, feature, sides, findings)
            case Hash():
                for column in feature.of:
                    _check_kind(f"{key}.of", column, findings.column(f"{key}.of", column, inputs), _HASHED, findings)
            case _:
                kinds = _RANKED if isinstance(feature, Vocabulary) else NUMERIC
                _check_input(f"{key}.of", feature.of, kinds, inputs, findings)
                _check_settings(key, feature, findings)
    _check_twice(model.features, findings)


def _check_input(key: str, expression: str, kinds: Sequence[Kind], inputs: Scope, findings: Findings) -> None:
    _check_kind(key, "this", findings.type_of(key, expression, inputs), kinds, findings)


def _check_kind(key: str, what: str, type_: Type | None, kinds: Sequence[Kind], findings: Findings) -> None:
    if type_ and type_.kind not in kinds:
        cure = _CURES.get(type_.kind, "") if kinds is NUMERIC else ""
        findings.add(key, f"{what} is {with_article(type_)}; needed is {_any_of(kinds)}{cure}")


def _any_of(kinds: Sequence[Kind]) -> str:
    return f"{', '.join(kinds[:-1])} or {kinds[-1]}"


def _check_take(key: str, take: Take, sides: Mapping[str, Scope | None], findings: Findings) -> None:
    if take.take not in sides:
        findings.add(f"{key}.take", f"there is no join {take.take}; {nearest(take.take, sides)}")
    if side := sides.get(take.take):
        for column in take.columns:
            type_ = findings.column(f"{key}.columns", column, side)
            if type_ and type_.kind not in NUMERIC:
                cure = f"make a step of it: {{fn: vocabulary, of: {take.take}.{column}}}"
                findings.add(f"{key}.columns", f"{column} is {with_article(type_)}; {cure}")


def _check_settings(key: str, step: Feature, findings: Findings) -> None:
    """Ask that a step that can be told in two ways is told in one."""
    match step:
        case Clip(quantiles=None, min=None, max=None):
            findings.add(key, "needs bounds (min, max, or both) or quantiles")
        case Clip(quantiles=(low, high)):
            if step.min is not None or step.max is not None:
                findings.add(key, "has bounds and quantiles; choose one")
            if not 0 <= low < high <= 1:
                findings.add(f"{key}.quantiles", "are two rising shares between 0 and 1, for example [0.01, 0.99]")
        case Clip(min=float(low), max=float(high)) if low > high:
            findings.add(f"{key}.min", f"{low:.12g} is more than max, {high:.12g}")
        case Bins(edges=None, quantiles=None):
            findings.add(key, "needs edges or quantiles")
        case Bins(edges=tuple(edges)):
            if step.quantiles is not None:
                findings.add(key, "has edges and quantiles; choose one")
            if any(low >= high for low, high in pairwise(edges)):
                findings.add(f"{key}.edges", "do not rise; list each once, the smallest first")


def _check_twice(features: Mapping[str, Feature], findings: Findings) -> None:
    """Ask that no two feature columns have one name."""
    for name, other in spelled_alike(features):
        findings.add(f"features.{name}", f"differs from {other} only by capitals; rename one")
    taken: dict[tuple[str, str], str] = {}
    for name, feature in features.items():
        if not isinstance(feature, Take):
            continue
        for column in feature.columns:
            first = taken.setdefault((feature.take, column), name)
            if first != name:
                findings.add(f"features.{name}.columns", f"{column} of {feature.take} is taken by {first} already")
