"""Clean and derive: expressions over rows whose cells have been parsed."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from headrace.rows.as_column_type import as_column_type
from headrace.rows.cells import Mask
from headrace.rows.parse_cells import failed
from headrace.rules import Expression, Type

Masks = Mapping[str, Mask]
"""Rows by column; a column without any has no entry."""


class Rows(NamedTuple):
    """Rows on their way from cells to the checks."""

    columns: Mapping[str, pa.Array]
    failed: Masks  # the cell has no value of the column's type
    unknown: Masks  # it failed, or was made from one that did; null, and nothing is said of it

    def batch(self) -> pa.RecordBatch:
        """The columns in their order."""
        return pa.RecordBatch.from_arrays(list(self.columns.values()), list(self.columns))


def evaluate(rows: Rows, expression: Expression) -> tuple[pa.Array, Mask | None]:
    """The values of an expression, and where they are not known (None where all are); there they are null."""
    values = expression(rows.batch())
    unknown = _union(rows.unknown.get(name) for name in expression.columns)
    return _null_where(unknown, values), unknown


def clean(rows: Rows, expressions: Mapping[str, Expression], types: Mapping[str, Type]) -> Rows:
    """The rows with some columns repaired; every expression sees the cells as they were parsed."""
    columns, fails, unknowns = dict(rows.columns), dict(rows.failed), dict(rows.unknown)
    for name, expression in expressions.items():
        values, unknown = evaluate(rows, expression)
        fitted = as_column_type(values, types[name])
        misfit = failed(values, fitted)
        unknown = _union((unknown, misfit, rows.unknown.get(name)))
        columns[name] = _null_where(unknown, fitted)
        _note(fails, name, _union((rows.failed.get(name), misfit)))
        _note(unknowns, name, unknown)
    return Rows(columns, fails, unknowns)


def derive(rows: Rows, expressions: Mapping[str, Expression]) -> Rows:
    """The rows with new columns; an expression also sees those before it."""
    for name, expression in expressions.items():
        values, unknown = evaluate(rows, expression)
        unknowns = dict(rows.unknown)
        _note(unknowns, name, unknown)
        rows = Rows({**rows.columns, name: values}, rows.failed, unknowns)
    return rows


def _union(masks: Iterable[Mask | None]) -> Mask | None:
    """Where any of the masks holds; None where none is given."""
    given = [mask for mask in masks if mask is not None]
    return np.logical_or.reduce(given) if given else None


def _null_where(mask: Mask | None, values: pa.Array) -> pa.Array:
    return values if mask is None else pc.if_else(pa.array(mask), pa.scalar(None, values.type), values)


def _note(masks: dict[str, Mask], name: str, mask: Mask | None) -> None:
    if mask is not None:
        masks[name] = mask
