"""A typed node of a compiled expression: what it gives, what it reads, and how."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from headrace.rules.column_type import Type

Value = Any  # a pa.Array as long as the rows, or a pa.Scalar where it is the same for each of them
Evaluate = Callable[[pa.RecordBatch], Value]
Kernel = Callable[..., pa.Array]  # of the operands' values, at least one of which is an array


@dataclass(frozen=True, slots=True)
class Node:
    """One node. No double of it is NaN or infinite, no time outside the years 1 to 9999."""

    type: Type
    evaluate: Evaluate
    columns: frozenset[str] = frozenset()  # stored names of those it reads; none: it is constant
    literal: Decimal | str | None = None  # of a number or text that stands in the rule
    source: str = ""  # as it stands in the rule
    at: int = 0  # 1-based position of its first character

    def __str__(self) -> str:
        return f"{self.type} {self.source}" if self.source else f"a {self.type}"


def constant(type_: Type, value: pa.Scalar, literal: Decimal | str | None = None) -> Node:
    """A node that is the same for every row."""
    return Node(type_, lambda _: value, literal=literal)


def value_of(node: Node) -> pa.Scalar:
    """What a constant node always is."""
    return node.evaluate(_NO_ROWS)


def apply(type_: Type, kernel: Kernel, *operands: Node) -> Node:
    """The node that gives what `kernel` makes of its operands; of constants, a constant."""
    evaluates = [operand.evaluate for operand in operands]
    columns = frozenset[str]().union(*(operand.columns for operand in operands))
    if not columns:
        return constant(type_, kernel(*(pa.repeat(value_of(operand), 1) for operand in operands))[0])
    if len(evaluates) == 1:
        (only,) = evaluates
        return Node(type_, lambda rows: kernel(only(rows)), columns)
    return Node(type_, lambda rows: kernel(*[evaluate(rows) for evaluate in evaluates]), columns)


_NO_ROWS = pa.RecordBatch.from_arrays([], names=[])
