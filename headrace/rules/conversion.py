"""Which types meet without a word in the text, and how a value of one becomes one of the other.

Int, double and decimal meet; a date meets a timestamp as its midnight in UTC; a text that
stands in the rule meets dates and timestamps as an ISO 8601 time in UTC.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from headrace.rules.bounds import bounded
from headrace.rules.column_type import Kind, Type
from headrace.rules.instants import microseconds
from headrace.rules.node import Kernel, Node, apply, constant
from headrace.rules.rule_error import RuleError
from headrace.rules.vectors import int_scalar, text_array

BOOL, INT, DOUBLE, STRING = Type("bool"), Type("int"), Type("double"), Type("string")
DATE, TIMESTAMP, DURATION, NULL = Type("date"), Type("timestamp"), Type("duration"), Type("null")

_NUMBERS: frozenset[Kind] = frozenset({"int", "double", "decimal"})
_TIMES: frozenset[Kind] = frozenset({"date", "timestamp"})
_MOST_DIGITS = 38
_INT_DIGITS = 19
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d"
    r"(?P<clock>[ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)?)?",
    re.ASCII,
)


def arrow_type(type_: Type) -> pa.DataType:
    """How values of a type are held; decimals inside a comparison may be wider than a column's."""
    if type_.kind == "decimal" and type_.precision > _MOST_DIGITS:
        return pa.decimal256(type_.precision, type_.scale)
    return type_.arrow


def number(type_: Type, literal: Decimal) -> Node:
    """A number that stands in the rule, int or double.

    Raises:
        RuleError: 64 bits do not hold it.
    """
    if type_ == INT:
        if not -(1 << 63) <= literal < 1 << 63:
            raise RuleError("a whole number of more than 64 bits; as a double it is written with .0")
        return constant(INT, int_scalar(int(literal), pa.int64()), literal)
    value = float(literal)
    if abs(value) == float("inf"):
        raise RuleError("a number larger than any double")
    return constant(DOUBLE, text_array(repr(value)).cast(pa.float64())[0], literal)


def string(literal: str) -> Node:
    """A text that stands in the rule."""
    return constant(STRING, text_array(literal)[0], literal)


def meet(nodes: Sequence[Node]) -> list[Node]:
    """The nodes, all converted to the one type in which they can be compared.

    Everything is exact, but for the rounding where an int or decimal meets a double.

    Raises:
        RuleError: there is no such type.
    """
    kinds = {node.type.kind for node in nodes} - {"null"}
    if "string" in kinds and kinds & _TIMES:
        nodes = [_time(node) if node.type == STRING else node for node in nodes]
        kinds = {node.type.kind for node in nodes} - {"null"}
    if kinds <= _NUMBERS:
        common = _common_number(nodes)
    elif kinds == _TIMES:
        common = TIMESTAMP
    elif len(kinds) == 1:
        common = next(node.type for node in nodes if node.type != NULL)
    else:
        raise _apart(nodes)
    return [convert(node, common) for node in nodes]


def convert(node: Node, to: Type) -> Node:
    """The node as one of another type that it meets; null becomes null of any type.

    Raises:
        RuleError: values of this type never become values of that.
    """
    if node.type == to:
        return node
    if node.type == NULL:
        made = constant(to, pa.nulls(1, arrow_type(to))[0])
    elif to.kind == "decimal" and isinstance(node.literal, Decimal):
        made = constant(to, text_array(f"{node.literal:f}").cast(arrow_type(to))[0])
    elif kernel := _kernel(node.type, to):
        made = apply(to, kernel, node)
    elif node.type == STRING and to.kind in _TIMES:
        made = convert(_time(node), to)
    else:
        raise RuleError(f"found {node} where a {to} is needed", node.at)
    return replace(made, source=node.source, at=node.at)


def _kernel(given: Type, to: Type) -> Kernel | None:
    match given.kind, to.kind:
        case "int", "double":  # a safe cast would refuse the whole batch for one int beyond 2^53
            return lambda values: pc.cast(values, pa.float64(), safe=False)
        case "decimal", "double":
            return _exact_double(given)
        case "int" | "decimal", "decimal":
            return lambda values: pc.cast(values, arrow_type(to))
        case "date", "timestamp":
            return lambda values: pc.cast(values, to.arrow)
    return None


def _exact_double(given: Type) -> Kernel:
    """Decimals as the nearest doubles; Arrow's own cast is often one bit off."""
    if given.precision > 15:
        return lambda values: pc.cast(pc.cast(values, pa.string()), pa.float64())
    # Both fit into a double exactly, so the quotient is the nearest one.
    scale = text_array(str(10**given.scale)).cast(pa.float64())[0]
    whole = pa.decimal128(given.precision, 0)

    def kernel(values: pa.Array) -> pa.Array:
        buffers = values.buffers()
        unscaled = pa.Array.from_buffers(whole, len(values), buffers, offset=values.offset)
        return pc.divide(pc.cast(unscaled, pa.float64()), scale)

    return kernel


def _common_number(nodes: Sequence[Node]) -> Type:
    types = {node.type for node in nodes} - {NULL}
    if not any(type_.kind == "decimal" for type_ in types):
        return DOUBLE if DOUBLE in types else INT if types else NULL
    if any(node.type == DOUBLE and node.literal is None for node in nodes):
        return DOUBLE
    digits = [_digits(node) for node in nodes if node.type != NULL]
    scale = max(digit.scale for digit in digits)
    return Type("decimal", scale + max(digit.precision - digit.scale for digit in digits), scale)


def _digits(node: Node) -> Type:
    """The decimal type that has just the digits of a number in the rule, or all that a column may have."""
    if node.type.kind == "decimal":
        return node.type
    if not isinstance(node.literal, Decimal):
        return Type("decimal", _INT_DIGITS, 0)
    _, digits, exponent = node.literal.as_tuple()
    scale = max(-int(exponent), 0)
    precision = max(len(digits) + int(exponent) + scale, scale)
    if precision > _MOST_DIGITS:
        raise RuleError(f"{node.source} has more than the {_MOST_DIGITS} digits of a decimal", node.at)
    return Type("decimal", precision, scale)


def _time(node: Node) -> Node:
    """The date or timestamp that a text in the rule stands for."""
    text = node.literal
    if not isinstance(text, str):
        cure = "parse_time(text, format, zone) makes a timestamp of it"
        raise RuleError(f"found {node} where a time is needed; {cure}", node.at)
    match = _ISO.fullmatch(text)
    try:
        time = datetime.fromisoformat(text) if match else None
    except ValueError:  # 30 February
        time = None
    if match is None or time is None:
        ways = "'2013-01-31', '2013-01-31 10:00:00' (UTC) or '2013-01-31T10:00:00-05:00'"
        raise RuleError(f"{node.source} is no time; write {ways}", node.at)
    utc = time if time.tzinfo else time.replace(tzinfo=UTC)
    made = constant(TIMESTAMP, bounded("timestamp", pa.repeat(int_scalar(microseconds(utc), TIMESTAMP.arrow), 1))[0])
    if not match["clock"]:
        made = apply(DATE, lambda times: pc.cast(times, pa.date32()), made)
    return replace(made, source=node.source, at=node.at)


def _apart(nodes: Sequence[Node]) -> RuleError:
    def group(node: Node) -> frozenset[Kind]:
        return next((kinds for kinds in (_NUMBERS, _TIMES) if node.type.kind in kinds), frozenset({node.type.kind}))

    first, *rest = (node for node in nodes if node.type != NULL)
    other = next(node for node in rest if group(node) != group(first))
    cure = ""
    if STRING in (first.type, other.type) and (first.type.numeric or other.type.numeric):
        cure = "; numbers are written without quotes"
    return RuleError(f"{first} and {other} cannot be compared or mixed{cure}", other.at)
