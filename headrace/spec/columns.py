"""The columns that the expressions of a project file may name, with their types."""

from headrace.rules import Type, compile_expression
from headrace.rules.names import joined_name
from headrace.spec.data_set import DataSet
from headrace.spec.located import Project
from headrace.spec.model import Model


def data_set_columns(data: DataSet) -> dict[str, Type]:
    """The columns of a data set's rows in the order of its table: declared, then derived.

    Raises:
        RuleError: a derived column's expression does not compile; never for a data set
            that was loaded with its references.
    """
    columns = {name: column.type for name, column in data.contract.columns.items()}
    for name, expression in data.derive.items():
        columns[name] = compile_expression(expression, columns).type
    return columns


def input_columns(model: Model, project: Project) -> dict[str, Type]:
    """What a model's features may read: the columns of its rows, then those of each join as `join__column`."""
    columns = data_set_columns(project.data_sets[model.rows].value)
    for name, join in model.joins.items():
        side = data_set_columns(project.data_sets[join.from_].value)
        columns |= {joined_name(name, column): type_ for column, type_ in side.items()}
    return columns


def assignable(given: Type, column: Type) -> bool:
    """Whether `clean` may put values of one type into a column of another.

    All arithmetic gives doubles, so numbers may go into any numeric column; a value
    that the column's type does not hold exactly is a fault of its row, not rounded.

    >>> assignable(Type("double"), Type("int")), assignable(Type("string"), Type("int"))
    (True, False)
    """
    return given == column or given.kind == "null" or (given.numeric and column.numeric)
