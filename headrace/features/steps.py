"""The table of steps: what each puts out, what it must learn, and how it is applied.

A step's *state* is what its formula needs besides the value: it is either
given in the project file (then the step is stateless) or fitted on the train
window. Both have the same shape, so there is one way to apply a step.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Literal

import numpy as np
import pyarrow as pa

from headrace.failures import DataFailure
from headrace.features import kernels
from headrace.features.fit_statistics import Statistics
from headrace.features.json_values import JSON, from_json, to_json
from headrace.features.value_counts import Distribution
from headrace.features.view import Float64, View
from headrace.spec import model


@dataclass(frozen=True, slots=True)
class Number:
    """The value as it is: a plain expression, or one column that `take` selected."""


type Step = Number | model.Step
type State = Mapping[str, JSON]
type Bound = Callable[[View, tuple[str, ...]], tuple[Float64, ...]]
"""A step with its state: from a batch and the names of the inputs to one column per output."""


def outputs(name: str, step: Step) -> tuple[str, ...]:
    """The feature columns of a step.

    >>> outputs("seats", model.Impute.model_validate({"fn": "impute", "of": "x", "with": 0, "indicator": True}))
    ('seats', 'seats__missing')
    """
    return (name, f"{name}__missing") if isinstance(step, model.Impute) and step.indicator else (name,)


def parameters(step: Step) -> dict[str, JSON]:
    """The step as it is declared, without what is left at its default.

    >>> parameters(model.Scale(fn="scale", of="distance"))
    {'fn': 'scale', 'of': 'distance'}
    """
    return {} if isinstance(step, Number) else step.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def given(step: Step) -> State | None:
    """The state where the project file gives it, None where it must be fitted.

    >>> given(model.Clip(fn="clip", of="x", min=0.0))
    {'low': 0.0, 'high': inf}
    """
    match step:
        case Number() | model.Log1p() | model.Hash():
            return {}
        case model.Impute(with_=float(value)):
            return {"value": value}
        case model.Clip(quantiles=None):
            low, high = step.min, step.max
            return {"low": -np.inf if low is None else low, "high": np.inf if high is None else high}
        case model.Bins(edges=tuple(edges)):
            return {"edges": list(edges)}
        case _:
            return None


def needs(step: Step) -> Literal["moments", "values"]:
    """Which statistics of its input a fitted step is made of."""
    match step:
        case model.Scale() | model.Impute(with_="mean"):
            return "moments"
        case _:
            return "values"


def fit(step: Step, of: str, statistics: Statistics) -> State:
    """The state of a fitted step, from the statistics of its stored input.

    Without any value in the train window the numbers are null, and the feature
    is missing wherever the formula needs them. `exact` is false where quantiles,
    mode or ranks come from a sample, because there were too many distinct values.
    """
    if needs(step) == "moments":
        moments = statistics.moments[of]
        match step:
            case model.Impute():
                return {"value": moments.mean, "present": moments.present}
            case model.Scale(by="standard"):
                return {"mean": moments.mean, "deviation": moments.deviation, "present": moments.present}
            case _:
                return {"low": moments.low, "high": moments.high, "present": moments.present}
    counted = statistics.values[of]
    found = counted.distribution()
    return {**_from_values(step, found, counted.present), "present": counted.present, "exact": found.exact}


def _from_values(step: Step, found: Distribution, present: int) -> State:
    match step:
        case model.Impute(with_="mode"):
            return {"value": found.mode()}
        case model.Impute():
            return {"value": found.quantile(Fraction(1, 2))}
        case model.Clip(quantiles=(low, high)):
            # Shortest digits, as the person wrote them: 0.001 is a thousandth, not its neighbour in binary.
            return {"low": found.quantile(Fraction(repr(low))), "high": found.quantile(Fraction(repr(high)))}
        case model.Bins(quantiles=int(count)):
            cuts = {found.quantile(Fraction(part, count)) for part in range(1, count)}
            return {"edges": [*sorted(cut for cut in cuts if cut is not None)]}
        case model.Vocabulary():
            seen = int(found.counts.sum())
            enough = Fraction(step.min_count * seen, present) if present else Fraction(1)
            return {"values": to_json(found.ranking(step.max, enough))}
        case _:
            raise AssertionError(f"{step!r} is not fitted from values")


def bind(step: Step, state: State, arrow: pa.DataType) -> Bound:
    """The step as a function of batches; `arrow` is the type of its (first) input.

    Raises:
        DataFailure: the state is not of this step.
    """
    match step:
        case model.Hash():
            return lambda view, of: (kernels.buckets([view.array(name) for name in of], step.buckets),)
        case model.Vocabulary():
            ranks = kernels.Ranks(_values(state, arrow))
            return lambda view, of: (ranks(view.array(of[0])),)
        case model.Impute(indicator=True):
            value = _number(state, "value")
            return lambda view, of: (kernels.impute(x := view.numbers(of[0]), value), kernels.missing(x))
        case _:
            formula = _formula(step, state)
            return lambda view, of: (formula(view.numbers(of[0])),)


def _formula(step: Step, state: State) -> Callable[[Float64], Float64]:  # noqa: PLR0911  # one line per step
    match step:
        case model.Log1p():
            return kernels.log1p
        case model.Impute():
            return partial(kernels.impute, value=_number(state, "value"))
        case model.Clip():
            return partial(kernels.clip, low=_number(state, "low"), high=_number(state, "high"))
        case model.Scale(by="standard"):
            return partial(kernels.standardise, mean=_number(state, "mean"), deviation=_number(state, "deviation"))
        case model.Scale():
            return partial(kernels.stretch, low=_number(state, "low"), high=_number(state, "high"))
        case model.Bins():
            return partial(kernels.bins, edges=_edges(state))
        case _:
            return lambda x: x


def _number(state: State, key: str) -> float:
    """A number of the state; null, which says that there was no value to fit it from, is NaN."""
    value = state.get(key, "nothing")
    if value is None:
        return np.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise DataFailure(f"feature state: {key} should be a number, found {value}; fit the features again")


def _edges(state: State) -> Float64:
    edges = state.get("edges")
    if isinstance(edges, list) and all(isinstance(edge, int | float) for edge in edges):
        array = np.array(edges, np.float64)
        if all(a < b for a, b in pairwise(edges)) and np.isfinite(array).all():  # type: ignore[operator]  # numbers
            return array
    raise DataFailure(f"feature state: edges should be rising numbers, found {edges}; fit the features again")


def _values(state: State, arrow: pa.DataType) -> pa.Array:
    values = state.get("values")
    if isinstance(values, list):
        try:
            return from_json(values, arrow)
        except (TypeError, ValueError, ArithmeticError, pa.ArrowException) as fault:
            raise DataFailure(f"feature state: values are not of type {arrow}: {fault}; fit again") from fault
    raise DataFailure(f"feature state: values should be a list, found {values}; fit the features again")
