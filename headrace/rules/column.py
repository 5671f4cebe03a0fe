"""Reading a column of the rows."""

from functools import partial

import pyarrow as pa

from headrace.rules.bounds import bounded, finite
from headrace.rules.column_type import Type
from headrace.rules.node import Node


def column(name: str, type_: Type) -> Node:
    """The node that reads a column, with null for what an expression cannot hold (see `bounds`).

    Evaluating it raises TypeError where the rows have the column in another type.
    """
    arrow = type_.arrow
    clean = None
    if type_.kind == "double":
        clean = finite
    elif type_.kind in ("date", "timestamp"):
        clean = partial(bounded, type_.kind)

    def evaluate(rows: pa.RecordBatch) -> pa.Array:
        values = rows.column(name)
        if values.type != arrow:
            raise TypeError(f"column {name} is {values.type}; the rule was compiled for {arrow}")
        return clean(values) if clean else values

    return Node(type_, evaluate, frozenset({name}))
