"""The small values project files are made of: names, durations, sizes."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$")]
"""A data set, model, join, feature or rule: a letter, then letters, digits and _."""

ColumnName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f`\"]{1,128}$")]
"""A column as it stands in the source. Names that are no identifiers go in double quotes inside rules."""

_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_SIZES = {"b": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}


def parse_duration(text: object) -> timedelta:
    """Read `3h`, `90d`, `0s`: a whole number and one of us, ms, s, m, h, d.

    >>> parse_duration("90m")
    datetime.timedelta(seconds=5400)
    """
    if isinstance(text, timedelta):
        return text
    match = re.fullmatch(r"(\d{1,9})(us|ms|s|m|h|d)", str(text).strip())
    if not match:
        raise ValueError(f"{text!r} is no duration; write a whole number and a unit: 30s, 15m, 3h, 90d")
    return timedelta(microseconds=int(match[1]) * _UNITS[match[2]])


def parse_size(text: object) -> int:
    """Read `1mb`, `64kb` as bytes (decimal units).

    >>> parse_size("1mb")
    1000000
    """
    if isinstance(text, int):
        return text
    match = re.fullmatch(r"(\d{1,9})(b|kb|mb|gb)", str(text).strip().lower())
    if not match:
        raise ValueError(f"{text!r} is no size; write a whole number and a unit: 64kb, 1mb")
    return int(match[1]) * _SIZES[match[2]]


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Size = Annotated[int, BeforeValidator(parse_size)]


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Columns = Annotated[tuple[ColumnName, ...], BeforeValidator(_one_or_many)]
"""One column name or a list of them."""


class Section(BaseModel):
    """A part of a project file: frozen, and no key it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
