"""One name for everything that decides what is stored."""

import hashlib
import json
from collections.abc import Iterable, Mapping

from headrace.features.availability import declared_known, group_time
from headrace.features.declare import Feature
from headrace.features.json_values import JSON
from headrace.features.steps import parameters
from headrace.rules import Type
from headrace.rules.names import of_join
from headrace.spec.data_set import DataSet
from headrace.spec.located import Project
from headrace.spec.model import Join, Model


def spec_digest(model: Model, project: Project, features: Iterable[Feature], columns: Mapping[str, Type]) -> str:
    """SHA-256, hex, of the canonical JSON of what decides the stored columns.

    That is: the rows' data set, `predict_at`, each stored feature with its
    parameters, each input of a fitted step (but not what is learned of it),
    the types of the columns they read, and the joins with the known times of
    what they bring. Not: labels, windows, training, versions of libraries.
    """
    features = tuple(features)
    used = frozenset().union(*(of.columns for feature in features for of in feature.of))
    decides: JSON = {
        "rows": model.rows,
        "predict_at": model.predict_at,
        "columns": {name: str(columns[name]) for name in used},
        "stored": [_stored(feature) for feature in features],
        "joins": {
            name: _join(join, project.data_sets[join.from_].value, taken)
            for name, join in model.joins.items()
            if (taken := {column for each in used if (column := of_join(name, each)) is not None})
        },
    }
    text = json.dumps(decides, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _stored(feature: Feature) -> JSON:
    return {
        "as": list(feature.stored),
        "of": [f"{of.text}: {of.type}" for of in feature.of],
        "step": parameters(feature.step) if feature.given is not None else None,
    }


def _as_of(join: Join) -> tuple[str, ...]:
    return () if join.as_of is None else (join.as_of,)


def _join(join: Join, side: DataSet, taken: Iterable[str]) -> JSON:
    groups = frozenset().union(*(declared_known(side, column).groups for column in (*taken, *join.on, *_as_of(join))))
    known: JSON = {group: group_time(side, group) for group in groups}
    return {**join.model_dump(mode="json", by_alias=True), "known": known}
