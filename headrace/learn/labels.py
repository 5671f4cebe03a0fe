"""The label of each row of the data set it comes from, and when it became known."""

from dataclasses import dataclass
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from headrace.failures import DataFailure
from headrace.features.availability import KnownTimes, known_times
from headrace.learn.examples import LABEL
from headrace.rules import Expression, compile_expression
from headrace.spec.columns import data_set_columns
from headrace.spec.model import Model
from headrace.spec.project import Project

KNOWN = "_known"
"""When the label became known, UTC; null is never. A working column, not stored."""


@dataclass(frozen=True)
class Labels:
    """From rows of a data set to their labels. Picklable."""

    on: tuple[str, ...]  # the columns by which a row finds its label
    value: Expression
    known: KnownTimes

    @classmethod
    def of(cls, model: Model, project: Project) -> Self:
        """The label of a model."""
        data = project.data_sets[model.label.from_].value
        value = compile_expression(model.label.value, data_set_columns(data))
        return cls(
            on=key_of(model, project) if model.label.on == "key" else tuple(model.label.on),
            value=value,
            known=known_times(data, value.columns),
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """What of the data set is read, each column once."""
        return tuple(dict.fromkeys([*self.on, *sorted(self.value.columns | self.known.columns)]))

    def schema(self, rows: pa.Schema) -> pa.Schema:
        """The columns of the result, given those of the data set."""
        own = [(LABEL, pa.float32()), (KNOWN, pa.timestamp("us", "UTC"))]
        return pa.schema([*(rows.field(name) for name in self.on), *(pa.field(*field) for field in own)])

    def __call__(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Key columns, label (null: none) and when it was known.

        Raises:
            DataFailure: the label of a row is neither 0 nor 1, true nor false.
        """
        value = self.value(rows)
        number = pc.cast(value.cast(pa.int8()) if pa.types.is_boolean(value.type) else value, pa.float64(), safe=False)
        odd = pc.and_(number.is_valid(), pc.invert(pc.is_in(number, pa.array([0.0, 1.0]))))
        if (row := pc.index(odd, True).as_py()) >= 0:
            raise DataFailure(
                f"the label {self.value.text} is {value[row]} where {self._key_text(rows, row)}; "
                "a label is true or false, 0 or 1, or null where it is not known"
            )
        known = self.known(rows)
        columns = [
            *(rows.column(name) for name in self.on),
            number.cast(pa.float32()),
            known.cast(pa.timestamp("us", "UTC")),
        ]
        return pa.RecordBatch.from_arrays(columns, names=[*self.on, LABEL, KNOWN])

    def _key_text(self, rows: pa.RecordBatch, row: int) -> str:
        return ", ".join(f"{name} is {rows.column(name)[row]}" for name in self.on)


def key_of(model: Model, project: Project) -> tuple[str, ...]:
    """The columns that name a row: the key of its data set, or, where that has none, those the label is found by."""
    key = tuple(project.data_sets[model.rows].value.key)
    return key or (() if model.label.on == "key" else tuple(model.label.on))
