"""+ - * / and the sign: numbers in float64, times and spans of time in whole µs.

Whatever is not finite, x / 0 among it, is null at once, and so is a time no calendar has.
"""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from headrace.rules.bounds import bounded, finite
from headrace.rules.column_type import Kind, Type
from headrace.rules.conversion import DOUBLE, DURATION, TIMESTAMP, convert
from headrace.rules.node import Kernel, Node, apply
from headrace.rules.rule_error import RuleError

_FUNCTIONS: dict[str, Kernel] = {"+": pc.add, "-": pc.subtract, "*": pc.multiply, "/": pc.divide}
_FAMILIES: dict[Kind, str] = {
    "int": "number",
    "double": "number",
    "decimal": "number",
    "date": "time",
    "timestamp": "time",
    "duration": "span",
}
_OVER_TIME: dict[tuple[str, str, str], tuple[Type, Type, Type]] = {  # (left, sign, right): as, as, gives
    ("time", "+", "span"): (TIMESTAMP, DURATION, TIMESTAMP),
    ("span", "+", "time"): (DURATION, TIMESTAMP, TIMESTAMP),
    ("time", "-", "span"): (TIMESTAMP, DURATION, TIMESTAMP),
    ("time", "-", "time"): (TIMESTAMP, TIMESTAMP, DURATION),
    ("span", "+", "span"): (DURATION, DURATION, DURATION),
    ("span", "-", "span"): (DURATION, DURATION, DURATION),
    ("span", "/", "span"): (DURATION, DURATION, DOUBLE),
}


def chain(first: Node, rest: Iterable[tuple[str, Node]]) -> Node:
    """A sum or product, from left to right.

    Raises:
        RuleError: a sign stands between types that it does not take.
    """
    total = first
    for sign, operand in rest:
        total = _step(total, sign, operand)
    return total


def negative(operand: Node) -> Node:
    """A number with the other sign, as a double."""
    if _family(operand, operand) != "number":
        raise RuleError(f"the sign - takes a number, found {operand}", operand.at)
    return apply(DOUBLE, pc.negate, convert(operand, DOUBLE))


def rounded(values: pa.Array) -> pa.Array:
    """The nearest whole numbers, halves away from zero.

    Every step is exact, unlike Arrow's own rounding, which makes -1 of the double next to -0.5.
    """
    whole = pc.trunc(values)
    rest = pc.subtract(values, whole)
    return pc.add(whole, pc.trunc(pc.add(rest, rest)))


def _step(left: Node, sign: str, right: Node) -> Node:
    families = _family(left, right), sign, _family(right, left)
    if families == ("number", sign, "number"):
        return apply(DOUBLE, _number_kernel(sign), convert(left, DOUBLE), convert(right, DOUBLE))
    if families not in _OVER_TIME:
        cure = ""
        if {families[0], families[2]} in ({"time", "number"}, {"span", "number"}):
            cure = "; minutes(x), hours(x) and days(x) make a span of time of a number"
        raise RuleError(f"{left} {sign} {right} has no meaning{cure}", right.at)
    left_type, right_type, gives = _OVER_TIME[families]
    return apply(gives, _time_kernel(gives.kind, sign), convert(left, left_type), convert(right, right_type))


def _family(node: Node, beside: Node) -> str:
    """What kind of operand it is; null, and a text beside a time, are what their neighbour asks for."""
    kind, other = node.type.kind, _FAMILIES.get(beside.type.kind, "number")
    if kind == "null":
        return "number" if other == "number" else "span"
    if kind == "string" and node.literal is not None and other == "time":
        return "time"
    return _FAMILIES.get(kind, kind)


def _number_kernel(sign: str) -> Kernel:
    function = _FUNCTIONS[sign]
    return lambda left, right: finite(function(left, right))


def _time_kernel(gives: Kind, sign: str) -> Kernel:
    if gives == "double":
        return lambda left, right: finite(pc.divide(_micros(left), _micros(right)))
    function = _FUNCTIONS[sign]
    return lambda left, right: bounded(gives, function(left, right))


def _micros(spans: pa.Array) -> pa.Array:
    return pc.cast(pc.cast(spans, pa.int64()), pa.float64(), safe=False)
