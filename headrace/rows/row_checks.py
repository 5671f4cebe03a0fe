"""The contract: what every row must keep."""

from collections.abc import Iterator, Mapping

from pyarrow import compute as pc

from headrace.rows.cells import Mask, as_mask
from headrace.rows.limits import Limit, limits_of
from headrace.rows.row_steps import Rows, evaluate
from headrace.rules import Type, compile_expression
from headrace.spec.data_set import DataSet


class RowChecks:
    """Finds every reason for which a row is quarantined, in the order of the contract.

    For each column, declared then derived: `<column>.type`; for a null `<column>.key`,
    else `.time`, else `.required`; `.min`, `.max`, `.in`, `.pattern`. Then `rule.<name>`.
    Where a cell has no value of its type, `.type` is all that is said of it: no limit
    and no rule looks at it, nor at what was derived from it.
    """

    def __init__(self, data: DataSet, types: Mapping[str, Type]) -> None:
        declared = data.contract.columns
        self._nulls = {
            **{name: f"{name}.required" for name, column in declared.items() if column.required},
            **({data.time: f"{data.time}.time"} if data.time else {}),
            **{name: f"{name}.key" for name in data.key},
        }
        self._limits: dict[str, list[Limit]] = {
            name: limits_of(name, declared[name]) if name in declared else [] for name in types
        }
        self._rules = {f"rule.{name}": compile_expression(text, types) for name, text in data.contract.rules.items()}

    def __call__(self, rows: Rows) -> Iterator[tuple[str, Mask]]:
        """Each reason that holds for some row, and the rows it holds for."""
        for name, values in rows.columns.items():
            if name in rows.failed:
                yield f"{name}.type", rows.failed[name]
            if name in self._nulls and values.null_count:
                yield self._nulls[name], _known(as_mask(values.is_null()), rows.unknown.get(name))
            for limit in self._limits[name]:
                broken = limit.broken(values)
                if broken.true_count:
                    yield limit.reason, as_mask(broken)
        for reason, rule in self._rules.items():
            kept, _ = evaluate(rows, rule)
            if kept.false_count:
                yield reason, as_mask(pc.invert(kept))


def _known(mask: Mask, unknown: Mask | None) -> Mask:
    return mask if unknown is None else mask & ~unknown
