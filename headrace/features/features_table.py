"""The columns of a model's feature table, and what of the rows' data set is read for it."""

import pyarrow as pa

from headrace.features.due import PREDICT_AT
from headrace.features.feature_set import FeatureSpec
from headrace.features.kept import kept_columns
from headrace.spec.columns import data_set_columns
from headrace.spec.model import Model
from headrace.spec.project import Project


def features_schema(model: Model, project: Project, spec: FeatureSpec) -> pa.Schema:
    """Kept columns, `predict_at`, then what `FeatureSpec.stored` says, each once."""
    fields = {name: pa.field(name, kind.arrow) for name, kind in kept_columns(model, project).items()}
    fields[PREDICT_AT.name] = PREDICT_AT
    for field in spec.stored:
        fields.setdefault(field.name, field)
    return pa.schema(list(fields.values()))


def read_schema(model: Model, project: Project, spec: FeatureSpec) -> pa.Schema:
    """The columns of the rows' data set that a build must read, in table order."""
    joins = {name for join in model.joins.values() for name in join.on}
    wanted = {*kept_columns(model, project), *joins, *spec.used, *spec.predict_at.columns}
    columns = data_set_columns(project.data_sets[model.rows].value)
    return pa.schema([(name, kind.arrow) for name, kind in columns.items() if name in wanted])
