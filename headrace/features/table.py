"""The columns of a model's feature table, and what of the rows' data set is read for it."""

import pyarrow as pa

from headrace.features.due import PREDICT_AT
from headrace.features.feature_set import FeatureSpec
from headrace.rules import Type
from headrace.spec.columns import data_set_columns
from headrace.spec.model import Model
from headrace.spec.project import Project


def kept_columns(model: Model, project: Project) -> dict[str, Type]:
    """Columns of the rows that stand beside the features: key, label key, event time, split, slices."""
    data = project.data_sets[model.rows].value
    columns = data_set_columns(data)
    label_on = () if model.label.on == "key" else model.label.on
    wanted = [*data.key, *label_on, data.time, model.split.by, *model.evaluate.slices]
    return {name: columns[name] for name in dict.fromkeys(wanted) if name in columns}


def feature_table(model: Model, project: Project, spec: FeatureSpec) -> pa.Schema:
    """Kept columns, `predict_at`, then what `FeatureSpec.stored` says, each once."""
    fields = {name: pa.field(name, kind.arrow) for name, kind in kept_columns(model, project).items()}
    fields[PREDICT_AT.name] = PREDICT_AT
    for field in spec.stored:
        fields.setdefault(field.name, field)
    return pa.schema(list(fields.values()))


def read_columns(model: Model, project: Project, spec: FeatureSpec) -> list[str]:
    """The columns of the rows' data set that a build must read, in table order."""
    joins = {name for join in model.joins.values() for name in join.on}
    wanted = {*kept_columns(model, project), *joins, *spec.used, *spec.predict_at.columns}
    return [name for name in data_set_columns(project.data_sets[model.rows].value) if name in wanted]
