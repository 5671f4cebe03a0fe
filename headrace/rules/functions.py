"""The functions of the rule language. None reaches outside the row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from headrace.nearest import nearest
from headrace.rules.arithmetic import rounded
from headrace.rules.bounds import finite
from headrace.rules.column_type import Kind, Type
from headrace.rules.conversion import DATE, DOUBLE, INT, NULL, STRING, TIMESTAMP, convert, meet
from headrace.rules.node import Kernel, Node, apply
from headrace.rules.rule_error import RuleError
from headrace.rules.time_format import time_reader
from headrace.rules.times import day_of_week, from_parts, scaled
from headrace.rules.zone import Zone, zone, zone_names

_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}

Build = Callable[[Sequence[Node]], Node]


@dataclass(frozen=True, slots=True)
class Function:
    """A function, as people are told about it."""

    usage: str  # how it is written, with what may be left out in brackets
    doc: str  # what it gives, in a line
    build: Build = field(repr=False, compare=False)
    fewest: int = field(default=1, repr=False)  # arguments
    most: int = field(default=1, repr=False)

    @property
    def name(self) -> str:
        """In lower case; a rule may use any."""
        return self.usage.partition("(")[0]


def call(name: str, arguments: Sequence[Node], at: int) -> Node:
    """What a call of a function gives, whatever the case of its name.

    Raises:
        RuleError: there is no such function, or it does not take these arguments.
    """
    function = _BY_NAME.get(name.lower())
    if function is None:
        raise RuleError(f"no function {name}; {nearest(name, _BY_NAME)}", at)
    if not function.fewest <= len(arguments) <= function.most:
        raise RuleError(f"{name} is written {function.usage}; found {len(arguments)} arguments", at)
    try:
        return function.build(arguments)
    except RuleError as error:
        raise RuleError(f"{function.usage}: {error.problem}", error.column or at) from None


def _number(node: Node) -> Node:
    if not node.type.numeric and node.type != NULL:
        raise RuleError(f"found {node} where a number is needed", node.at)
    return convert(node, DOUBLE)


def _text(node: Node) -> Node:
    if node.type not in (STRING, NULL):
        raise RuleError(f"found {node} where a text is needed", node.at)
    return convert(node, STRING)


def _time(node: Node) -> Node:
    if node.type not in (DATE, TIMESTAMP, NULL):
        raise RuleError(f"found {node} where a date or timestamp is needed", node.at)
    return convert(node, TIMESTAMP)


def _quoted(node: Node, what: str) -> str:
    if not isinstance(node.literal, str):
        raise RuleError(f"found {node} where {what} in single quotes is needed", node.at)
    return node.literal


def _zone(node: Node) -> Zone:
    name = _quoted(node, "the name of a time zone, such as 'Europe/Berlin',")
    try:
        return zone(name)
    except KeyError:
        raise RuleError(f"no time zone {name}; {nearest(name, zone_names())}", node.at) from None


def _over_number(kernel: Kernel) -> Build:
    return lambda arguments: apply(DOUBLE, kernel, _number(arguments[0]))


def _over_text(type_: Type, kernel: Kernel) -> Build:
    return lambda arguments: apply(type_, kernel, _text(arguments[0]))


def _scaled(kind: Kind, unit: int, node: Node) -> Node:
    counted = node if node.type == INT else _number(node)
    return apply(Type(kind), scaled(kind, unit, counted.type.kind), counted)


def _span(unit: int) -> Build:
    return lambda arguments: _scaled("duration", unit, arguments[0])


def _coalesce(arguments: Sequence[Node]) -> Node:
    met = meet(arguments)
    if met[0].type == NULL:
        return met[0]
    if met[0].type.precision > 38:
        raise RuleError(f"together they need {met[0].type}; a decimal has 38 digits at most", arguments[0].at)
    return apply(met[0].type, pc.coalesce, *met)


def _dayofweek(arguments: Sequence[Node]) -> Node:
    if len(arguments) == 1:
        return apply(INT, day_of_week(None), _time(arguments[0]))
    if arguments[0].type == DATE:
        raise RuleError(f"{arguments[0]} is the same day in every zone; leave the zone out", arguments[1].at)
    return apply(INT, day_of_week(_zone(arguments[1])), _time(arguments[0]))


def _timestamp(arguments: Sequence[Node]) -> Node:
    *parts, place = arguments
    return apply(TIMESTAMP, from_parts(_zone(place)), *map(_number, parts))


def _from_epoch(arguments: Sequence[Node]) -> Node:
    unit = _quoted(arguments[1], "'s', 'ms' or 'us'") if len(arguments) == 2 else "s"
    if unit not in _UNITS:
        raise RuleError(f"no unit '{unit}'; write 's', 'ms' or 'us'", arguments[1].at)
    return _scaled("timestamp", _UNITS[unit], arguments[0])


def _parse_time(arguments: Sequence[Node]) -> Node:
    text, pattern, *place = arguments
    clock = _zone(place[0]) if place else None
    try:
        reader = time_reader(_quoted(pattern, "a format, such as '%Y-%m-%d %H:%M',"), clock)
    except RuleError:
        raise
    except ValueError as error:
        raise RuleError(str(error), pattern.at) from None
    return apply(TIMESTAMP, reader, _text(text))


def _characters(texts: pa.Array) -> pa.Array:
    return pc.cast(pc.utf8_length(texts), pa.int64())


def _log1p(values: pa.Array) -> pa.Array:
    return finite(pc.log1p(values))


FUNCTIONS: tuple[Function, ...] = (
    Function("abs(number)", "the number without its sign, a double", _over_number(pc.abs)),
    Function("coalesce(value, …)", "the first of the values that is not null", _coalesce, most=100),
    Function(
        "dayofweek(time[, zone])",
        "1 for Monday to 7 for Sunday: of a date, or of a timestamp in a zone, else in UTC",
        _dayofweek,
        most=2,
    ),
    Function("days(number)", "a duration of so many times 24 hours", _span(86_400_000_000)),
    Function("floor(number)", "the next whole number at or below, a double", _over_number(pc.floor)),
    Function(
        "from_epoch(number[, unit])",
        "the timestamp so many 's' (or 'ms', 'us') after 1970-01-01 UTC",
        _from_epoch,
        most=2,
    ),
    Function("hours(number)", "a duration of so many hours", _span(3_600_000_000)),
    Function("length(text)", "how many characters (code points) it has, an int", _over_text(INT, _characters)),
    Function("log1p(number)", "the natural logarithm of 1 + number; null at -1 and below", _over_number(_log1p)),
    Function("lower(text)", "the text in lower case", _over_text(STRING, pc.utf8_lower)),
    Function("minutes(number)", "a duration of so many minutes", _span(60_000_000)),
    Function(
        "parse_time(text, format[, zone])",
        "the timestamp that a text shows by a strptime format, in a zone or with its own offset (%z); "
        "null where it does not fit, or the zone's clocks show that time twice or never",
        _parse_time,
        fewest=2,
        most=3,
    ),
    Function(
        "round(number)",
        "the nearest whole number, halves away from zero, a double",
        _over_number(rounded),
    ),
    Function(
        "timestamp(year, month, day, hour, minute, zone)",
        "the timestamp at which clocks in a zone show that time; null where they do so twice or never",
        _timestamp,
        fewest=6,
        most=6,
    ),
    Function("trim(text)", "the text without white space at its ends", _over_text(STRING, pc.utf8_trim_whitespace)),
    Function("upper(text)", "the text in upper case", _over_text(STRING, pc.utf8_upper)),
)
_BY_NAME = {function.name: function for function in FUNCTIONS}
