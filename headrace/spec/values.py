"""The small values project files are made of: names, numbers, durations, sizes, instants.

Everything arrives as text, so each kind says here, once, how its text is written.
"""

import math
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

NAME_PATTERN = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"
COLUMN_PATTERN = '^[^\\x00-\\x1f`"]{1,128}$'

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A data set, model, join, feature or rule: a letter, then letters, digits and _."""

ColumnName = Annotated[str, StringConstraints(pattern=COLUMN_PATTERN)]
"""A column as it stands in the source. Names that are no identifiers go in double quotes inside rules."""

_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_SIZES = {"b": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}
_DURATION = re.compile(r"([0-9]{1,9})(us|ms|s|m|h|d)")
_SIZE = re.compile(r"([0-9]{1,9})(b|kb|mb|gb)")
_WHOLE = re.compile(r"[-+]?[0-9]{1,99}")
_INT64 = range(-(1 << 63), 1 << 63)
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[-+][0-9]{2}:[0-9]{2})?)?"
)


def shown(value: object) -> str:
    r"""What was found, on one line and not too long.

    >>> shown("tab\t"), shown({"a": "b"}), shown(["a"]), shown(None)
    ("'tab\\t'", 'a mapping', 'a list', 'nothing')
    """
    match value:
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case None:
            return "nothing"
    text = str(value)
    return repr(text if len(text) <= 80 else f"{text[:79]}…")


def parse_duration(text: object) -> timedelta:
    """Read `3h`, `90d`, `0s`: a whole number and one of us, ms, s, m, h, d.

    >>> parse_duration("90m")
    datetime.timedelta(seconds=5400)
    """
    if isinstance(text, timedelta):
        return text
    if not (isinstance(text, str) and (match := _DURATION.fullmatch(text.strip()))):
        raise ValueError(f"{shown(text)} is no duration; write a whole number and a unit: 30s, 15m, 3h, 90d")
    return timedelta(microseconds=int(match[1]) * _UNITS[match[2]])


def duration_text(duration: timedelta) -> str:
    """A duration as `parse_duration` reads it, in the largest unit that fits.

    >>> duration_text(timedelta(minutes=90)), duration_text(timedelta(0))
    ('90m', '0d')
    """
    micros = duration // timedelta(microseconds=1)
    unit = next(unit for unit in reversed(_UNITS) if micros % _UNITS[unit] == 0)
    return f"{micros // _UNITS[unit]}{unit}"


def parse_size(text: object) -> int:
    """Read `1mb`, `64kb` as bytes (decimal units).

    >>> parse_size("1mb")
    1000000
    """
    if isinstance(text, int):
        return text
    if not (isinstance(text, str) and (match := _SIZE.fullmatch(text.strip().lower()))):
        raise ValueError(f"{shown(text)} is no size; write a whole number and a unit: 64kb, 1mb")
    return int(match[1]) * _SIZES[match[2]]


def parse_instant(text: str) -> datetime:
    """Read an ISO date or time as a point in time; without an offset it is UTC.

    >>> parse_instant("2013-10-01"), parse_instant("2013-10-01T06:30+02:00").hour
    (datetime.datetime(2013, 10, 1, 0, 0, tzinfo=datetime.timezone.utc), 4)
    """
    with suppress(ValueError, OverflowError):  # 30 February; beyond the year 9999 in UTC
        if _INSTANT.fullmatch(text):
            instant = datetime.fromisoformat(text)
            return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    raise ValueError(
        f"{shown(text)} is no date or time; write 2013-10-01 or 2013-10-01T06:30:00Z (UTC without an offset)"
    )


def parse_whole(value: object) -> int:
    """Read a whole number of 64 bits, written in decimal digits and nothing else.

    >>> parse_whole("-12")
    -12
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not (isinstance(value, str) and _WHOLE.fullmatch(value)):
        raise ValueError(f"{shown(value)} is no whole number")
    if int(value) not in _INT64:
        raise ValueError(f"{value} has more than 64 bits")
    return int(value)


def parse_number(value: object) -> float:
    """Read a finite number.

    >>> parse_number("1e-3")
    0.001
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = repr(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value) and math.isfinite(float(value)):
        return float(value)
    raise ValueError(f"{shown(value)} is no number")


def parse_flag(value: object) -> bool:
    """Read `true` or `false`; `yes`, `on` and `1` are text in YAML 1.2 and refused.

    >>> parse_flag("true")
    True
    """
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise ValueError(f"{shown(value)} is neither true nor false")


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(duration_text, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$"}),
]
Size = Annotated[int, BeforeValidator(parse_size), WithJsonSchema({"type": "string", "pattern": f"^{_SIZE.pattern}$"})]
Instant = Annotated[
    datetime,
    BeforeValidator(lambda value: parse_instant(value) if isinstance(value, str) else value),
    WithJsonSchema({"type": "string"}),
]
Whole = Annotated[int, BeforeValidator(parse_whole)]
Number = Annotated[float, BeforeValidator(parse_number)]
Flag = Annotated[bool, BeforeValidator(parse_flag)]


_COLUMN_SCHEMA = {"type": "string", "pattern": COLUMN_PATTERN}


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a name that stands twice."""
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{', '.join(twice)} stands twice; name each column once")
    return names


Texts = Annotated[
    tuple[str, ...],
    BeforeValidator(_one_or_many),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One text or a list of them."""

Columns = Annotated[
    tuple[ColumnName, ...],
    BeforeValidator(_one_or_many),
    AfterValidator(distinct),
    WithJsonSchema({"anyOf": [_COLUMN_SCHEMA, {"type": "array", "items": _COLUMN_SCHEMA, "uniqueItems": True}]}),
]
"""One column name or a list of them."""


def shape(value: object) -> str:
    """Which branch of a `word or parts` field a value belongs to: the tags `word` and `parts`."""
    return "word" if isinstance(value, str) else "parts"


def word(*words: str, otherwise: str) -> BeforeValidator:
    """The words of a `word or parts` field; another one is answered with all that is possible."""

    def check(value: object) -> object:
        if value not in words:
            possible = ", ".join(f"`{known}`" for known in words)
            raise ValueError(f"{shown(value)} cannot stand here; write {possible}, or {otherwise}")
        return value

    return BeforeValidator(check)


class Section(BaseModel):
    """A part of a project file: frozen, and no key it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, use_attribute_docstrings=True)
