"""The one function from input rows to float32 columns, in its two halves.

`FeatureSpec.store` runs where rows are prepared and needs nothing but the row;
`FeatureSet` runs where rows are read and needs the state fitted on the train
window. Both depend on nothing but the row's own values: Beam, Spark and a
single row give the same bits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self

import pyarrow as pa

from headrace.failures import DataFailure
from headrace.features.declare import Feature, declared, name_faults
from headrace.features.digest import spec_digest
from headrace.features.fit_statistics import Statistics
from headrace.features.golden_rows import check_golden, golden, golden_inputs
from headrace.features.json_values import JSON
from headrace.features.leak_guard import leaks
from headrace.features.steps import Bound, bind, fit, needs, parameters
from headrace.features.view import Float32, View, from_float32, to_float32
from headrace.rules import Expression, Type, compile_expression
from headrace.rules.names import of_join
from headrace.spec.columns import data_set_columns, input_columns
from headrace.spec.faults import SpecError
from headrace.spec.located import Project

_FORMAT = 1


@dataclass(frozen=True)
class FeatureSpec:
    """The features of a model, compiled: typed, checked against the future, without state. Picklable."""

    features: tuple[Feature, ...]
    columns: Mapping[str, Type]  # the input columns there are: the rows' own, and `<join>__<column>`
    predict_at: Expression
    digest: str  # SHA-256, hex, of everything that decides the stored columns

    @classmethod
    def compile(cls, project: Project, model: str) -> Self:
        """The features of one of a project's models.

        Raises:
            SpecError: every fault at once; also an input that may become known after `predict_at`.
        """
        located = project.models[model]
        columns = input_columns(located.value, project)
        features = declared(located.value, columns)
        inputs: dict[str, frozenset[str]] = {}
        for feature in features:
            inputs[feature.name] = inputs.get(feature.name, frozenset()).union(*(of.columns for of in feature.of))
        if faults := [*name_faults(located, features), *leaks(located, project, inputs)]:
            raise SpecError(faults)
        rows = project.data_sets[located.value.rows].value
        predict_at = compile_expression(located.value.predict_at, data_set_columns(rows))
        return cls(features, columns, predict_at, spec_digest(located.value, project, features, columns))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The feature columns, in the order of the matrix."""
        return tuple(name for feature in self.features for name in feature.names)

    @cached_property
    def used(self) -> frozenset[str]:
        """The input columns that features read."""
        return frozenset().union(*(of.columns for feature in self.features for of in feature.of))

    @property
    def fitted(self) -> tuple[Feature, ...]:
        """The features that need a state."""
        return tuple(feature for feature in self.features if feature.given is None)

    def joined(self, join: str) -> tuple[str, ...]:
        """The columns that features read of a join, by their names in its data set."""
        brought = (of_join(join, name) for name in self.columns if name in self.used)
        return tuple(column for column in brought if column is not None)

    @cached_property
    def stored(self) -> pa.Schema:
        """What is stored of a row: `f__<feature>` where no state is needed, else the step's input."""
        types: dict[str, pa.DataType] = {}
        for feature in self.features:
            for name in feature.stored:
                types[name] = pa.float32() if feature.given is not None else feature.of[0].type.arrow
        return pa.schema(list(types.items()))

    def store(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Input rows to stored columns; missing is null, in float32 columns too."""
        view = View(rows, self._computed)
        arrays: dict[str, pa.Array] = {}
        for feature, apply in self._bound:
            if apply is None:
                arrays[feature.stored[0]] = view.array(feature.stored[0])
                continue
            for name, column in zip(feature.stored, apply(view, feature.inputs), strict=True):
                arrays[name] = pa.array(to_float32(column), pa.float32(), from_pandas=True)
        return pa.RecordBatch.from_arrays(list(arrays.values()), schema=self.stored)

    @cached_property
    def _bound(self) -> tuple[tuple[Feature, Bound | None], ...]:
        """Each feature with its function, where it needs no state."""
        return tuple(
            (feature, None if feature.given is None else bind(feature.step, feature.given, feature.of[0].type.arrow))
            for feature in self.features
        )

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def _computed(self) -> dict[str, Expression]:
        """The inputs that are more than a column of the rows."""
        return {
            name: of
            for feature in self.features
            for name, of in zip(feature.inputs, feature.of, strict=True)
            if name not in self.columns
        }

    def statistics(self) -> Statistics:
        """Empty statistics for `fit`, to be updated with stored rows and merged."""
        wanted = [(needs(feature.step), feature.stored[0]) for feature in self.fitted]
        return Statistics(
            self.stored,
            moments=[name for need, name in wanted if need == "moments"],
            values=[name for need, name in wanted if need == "values"],
        )

    def fit(self, statistics: Statistics) -> dict[str, JSON]:
        """The state: readable JSON, the same bytes for any order, split and merge of the statistics."""
        steps: dict[str, JSON] = {
            feature.name: {**parameters(feature.step), **fit(feature.step, feature.stored[0], statistics)}
            for feature in self.fitted
        }
        state: dict[str, JSON] = {"format": _FORMAT, "rows": statistics.rows, "steps": steps}
        rows = statistics.golden.rows
        batch = pa.RecordBatch.from_arrays(
            [rows.column(n).combine_chunks() for n in rows.column_names], schema=rows.schema
        )
        return {**state, "golden": golden(rows, FeatureSet(self, state)(batch))}


class FeatureSet:
    """Spec and state: from stored rows to the columns of the matrix. Picklable, with the check of `load`."""

    def __init__(self, spec: FeatureSpec, state: Mapping[str, Any]) -> None:
        self.spec = spec
        self._state = state
        self._schema = pa.schema([(name, pa.float32()) for name in spec.names])
        self._bound: dict[str, Bound] = {
            feature.name: bind(feature.step, _step_state(state, feature), feature.of[0].type.arrow)
            for feature in spec.fitted
        }

    @classmethod
    def load(cls, spec: FeatureSpec, state: Mapping[str, Any]) -> Self:
        """The feature set, after its golden rows gave the very bits they gave where it was fitted.

        Raises:
            DataFailure: the state is not of this spec.
            PlaceFailure: this machine computes other features.
        """
        if state.get("format") != _FORMAT:
            raise DataFailure(
                f"feature state: format {state.get('format')} where this version reads {_FORMAT}; fit again"
            )
        features = cls(spec, state)
        held = state.get("golden")
        if not isinstance(held, dict):
            raise DataFailure("feature state: it has no golden rows, so it was edited or cut; fit again")
        check_golden(held, features(golden_inputs(held, spec.stored)))
        return features

    def __reduce__(self) -> tuple[object, ...]:
        # Read back on another machine, the golden rows are checked there.
        return FeatureSet.load, (self.spec, self._state)

    def __call__(self, stored: pa.RecordBatch) -> pa.RecordBatch:
        """Stored rows to float32 columns: missing is NaN, never null; no -0.0, nothing beyond ±2^126."""
        view = View(stored, {})
        columns: list[Float32] = []
        for feature in self.spec.features:
            if feature.given is not None:
                columns += [from_float32(stored.column(name)) for name in feature.stored]
            else:
                columns += map(to_float32, self._bound[feature.name](view, feature.inputs))
        return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=self._schema)

    def one(self, row: Mapping[str, object]) -> dict[str, float]:
        """The features of a single input row, by the same functions; None is a missing value.

        Raises:
            DataFailure: an input column is not there, or its value is not of its type.
        """
        used = sorted(self.spec.used)
        if absent := [name for name in used if name not in row]:
            raise DataFailure(f"features need {', '.join(absent)}: give them, as None where there is no value")
        try:
            arrays = [pa.array([row[name]], self.spec.columns[name].arrow) for name in used]
        except (TypeError, ValueError, OverflowError, pa.ArrowException) as fault:
            raise DataFailure(f"a value of the row is not of its column's type: {fault}") from fault
        batch = pa.RecordBatch.from_arrays(arrays, names=used)
        found = self(self.spec.store(batch))
        return {name: float(found.column(name)[0].as_py()) for name in self.spec.names}


def _step_state(state: Mapping[str, Any], feature: Feature) -> Mapping[str, JSON]:
    steps = state.get("steps")
    held = steps.get(feature.name) if isinstance(steps, dict) else None
    wanted = parameters(feature.step)
    if not isinstance(held, dict) or {key: held.get(key) for key in wanted} != wanted:
        raise DataFailure(
            f"feature state: nothing fits feature {feature.name} ({wanted}); it was fitted "
            "for other project files: use the ones it was fitted with, or fit again"
        )
    return held
