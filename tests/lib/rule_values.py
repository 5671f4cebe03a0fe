"""Evaluate a rule on columns written down in a test."""

from typing import Any

import pyarrow as pa

from headrace.rules import Type, compile_expression


def values(rule: str, **columns: tuple[str, list[Any]]) -> list[Any]:
    """What a rule gives for columns of (type, values); without columns, for one row."""
    types = {name: Type.parse(type_) for name, (type_, _) in columns.items()}
    arrays = [pa.array(cells, types[name].arrow) for name, (_, cells) in columns.items()]
    expression = compile_expression(rule, types)
    if not arrays:
        return expression(pa.record_batch({"row": [0]})).to_pylist()
    found = expression(pa.RecordBatch.from_arrays(arrays, names=list(columns)))
    assert found.type == expression.type.arrow
    return found.to_pylist()
