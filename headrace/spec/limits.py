"""The limits of a column, `min`, `max` and `in`, as values of the column's type."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal, localcontext

from headrace.rules.column_type import Type
from headrace.spec.values import parse_flag, parse_instant, parse_number, parse_whole, shown

type Limit = int | float | Decimal | bool | str | date | datetime

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_limit(text: str, of: Type) -> Limit:
    """Read a limit as a value of its column's type, exactly; timestamps without an offset are UTC.

    >>> parse_limit("-120", Type("int")), parse_limit("0.50", Type("decimal", 5, 2))
    (-120, Decimal('0.50'))
    >>> parse_limit("2013-01-31", Type("date"))
    datetime.date(2013, 1, 31)

    Raises:
        ValueError: the text is no value of that type.
    """
    return _decimal(text, of) if of.kind == "decimal" else _PARSERS[of.kind](text)


def _decimal(text: str, of: Type) -> Decimal:
    parse_number(text)
    with localcontext(prec=1000):  # more digits than any number of this notation has
        value = Decimal(text)
        fitted = value.quantize(Decimal(1).scaleb(-of.scale))
    if fitted != value or len(fitted.as_tuple().digits) > of.precision:
        raise ValueError(f"{shown(text)} does not fit {of}")
    return fitted


def _day(text: str) -> date:
    with suppress(ValueError):  # 30 February
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    raise ValueError(f"{shown(text)} is no date; write 2013-10-01")


_PARSERS: dict[str, Callable[[str], Limit]] = {
    "int": parse_whole,
    "double": parse_number,
    "bool": parse_flag,
    "string": str,
    "date": _day,
    "timestamp": parse_instant,
}
