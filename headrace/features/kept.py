"""The columns of the rows that a feature table keeps as they are."""

from headrace.rules import Type
from headrace.spec.columns import data_set_columns
from headrace.spec.located import Project
from headrace.spec.model import Model


def kept_columns(model: Model, project: Project) -> dict[str, Type]:
    """Columns of the rows that stand beside the features: key, label key, event time, split, slices."""
    data = project.data_sets[model.rows].value
    columns = data_set_columns(data)
    label_on = () if model.label.on == "key" else model.label.on
    wanted = [*data.key, *label_on, data.time, model.split.by, *model.evaluate.slices]
    return {name: columns[name] for name in dict.fromkeys(wanted) if name in columns}
