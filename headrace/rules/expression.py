"""A compiled expression of the rule language."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from headrace.rules.column_type import Type
from headrace.rules.compiler import Compiler
from headrace.rules.node import Evaluate
from headrace.rules.syntax import parse


@dataclass(frozen=True, slots=True)
class Expression:
    """A function from rows to one value for each, which no other row has a part in.

    Its values are never NaN, infinite, or a time outside the years 1 to 9999: those are
    null. Two expressions are equal if text and types of columns are; pickled, it is
    compiled anew from these.
    """

    text: str
    type: Type
    columns: frozenset[str]  # stored names of those it reads; `plane.seats` is `plane__seats`
    types: tuple[tuple[str, Type], ...] = field(repr=False)  # of these columns
    _evaluate: Evaluate = field(repr=False, compare=False)

    def __call__(self, rows: pa.RecordBatch) -> pa.Array:
        """The values for the rows. Shape: (rows.num_rows,), of type `type.arrow`."""
        value = self._evaluate(rows)
        return pa.repeat(value, rows.num_rows) if isinstance(value, pa.Scalar) else value

    def __reduce__(self) -> tuple[object, ...]:
        return compile_expression, (self.text, dict(self.types))


def compile_expression(text: str, columns: Mapping[str, Type]) -> Expression:
    """Compile an expression over columns of these types, given by their stored names.

    >>> late = compile_expression("arr_delay > 15", {"arr_delay": Type("int"), "dest": Type("string")})
    >>> late.type.kind, late.columns
    ('bool', frozenset({'arr_delay'}))
    >>> late(pa.record_batch({"arr_delay": [20, None, 3]})).to_pylist()
    [True, None, False]

    Raises:
        RuleError: it is no expression, a name is not known, or types do not fit together.
    """
    node = Compiler(text, columns).compile(parse(text))
    types = tuple((name, columns[name]) for name in sorted(node.columns))
    return Expression(text, node.type, node.columns, types, node.evaluate)
