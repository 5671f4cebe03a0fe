"""Reading times from text by a strptime format: the whole text, no locale, and only real times.

`pyarrow.compute.strptime` would read 2013-02-29 as 1 March and let spaces pass.
"""

import calendar
import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.rules.node import Kernel
from headrace.rules.times import Parts, clock_times, instants
from headrace.rules.vectors import Bools, Floats, Ints, floats, text_array
from headrace.rules.zone import Zone, zone

_MONTHS = tuple(name.lower() for name in calendar.Month.__members__)
_DIGITS = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "I": 2, "M": 2, "S": 2, "f": 6}
_WORDS = {
    "b": rf"(?P<b>(?i:{'|'.join(month[:3] for month in _MONTHS)}))",
    "B": rf"(?P<B>(?i:{'|'.join(_MONTHS)}))",
    "p": r"(?P<p>(?i:am|pm))",
    "z": r"(?:[Zz]|(?P<sign>[+-])(?P<zh>[0-9]{2}):?(?P<zm>[0-9]{2}))",
}
_NEEDED = {"year": "Yy", "month": "mbB", "day": "d"}
_ONCE = {**_NEEDED, "hour": "HI"}
_UTC = zone("UTC")
_ZERO, _EMPTY = (text_array(text)[0] for text in ("0", ""))


def time_reader(pattern: str, clock: Zone | None) -> Kernel:
    """The function from strings to timestamps for a format such as `%Y-%m-%d %H:%M`.

    Years have four digits, other numbers one or two (all of theirs where numbers touch),
    `%f` one to six; months may be English names. What does not fit, no day of the calendar,
    and a time that the zone's clocks show twice or never give null.

    Args:
        pattern: a year, a month and %d; then %H or %I with %p, %M, %S, %f, %z as needed.
        clock: the zone whose clocks show the times; None where the text has its offset (%z).

    Raises:
        ValueError: the format cannot be used, or not with(out) a zone.
    """
    items = list(_items(pattern))
    used = [directive for directive, _ in items if directive]
    _check(used)
    if clock and "z" in used:
        raise ValueError("the format has the offset of the time, %z; leave the zone out")
    if not clock and "z" not in used:
        raise ValueError("the format has no offset, %z; name the zone in which the times are")
    regex = "".join(_regex(items, at) for at in range(len(items)))

    def kernel(texts: pa.Array) -> pa.Array:
        fields = pc.extract_regex(texts, pattern=rf"\A{regex}\z")
        local, real = clock_times(_parts(fields, frozenset(used)))
        if clock:
            return instants(local, real, clock)
        shift, fine = _offset(fields)
        return instants(local - shift, real & fine, _UTC)

    return kernel


def _items(pattern: str) -> Iterator[tuple[str, str]]:
    """Directives, without their %, and the texts between them.

    >>> list(_items("%d/%m"))
    [('d', ''), ('', '/'), ('m', '')]
    """
    for match in re.finditer(r"%(.?)|[^%]+", pattern, re.DOTALL):
        directive = match[1]
        if directive is None:
            yield "", match[0]
        elif directive == "%":
            yield "", "%"
        elif directive in _DIGITS or directive in _WORDS:
            yield directive, ""
        else:
            known = " ".join(f"%{directive}" for directive in (*_DIGITS, *_WORDS, "%"))
            raise ValueError(f"the format has %{directive}; there are {known}")


def _check(used: list[str]) -> None:
    for what, choices in _ONCE.items():
        count = sum(directive in choices for directive in used)
        if count == 0 and what in _NEEDED:
            raise ValueError(f"the format has no {what}, {' or '.join('%' + c for c in choices)}")
        if count > 1:
            raise ValueError(f"the format has the {what} twice")
    if twice := {directive for directive in used if used.count(directive) > 1}:
        raise ValueError(f"the format has %{min(twice)} twice")
    if ("I" in used) != ("p" in used):
        raise ValueError("%I, the hour of a 12-hour clock, and %p, AM or PM, need each other")


def _regex(items: list[tuple[str, str]], at: int) -> str:
    directive, literal = items[at]
    if not directive:
        return re.escape(literal)
    if directive in _WORDS:
        return _WORDS[directive]
    most = _DIGITS[directive]
    touches = any(items[near][0] in _DIGITS for near in (at - 1, at + 1) if 0 <= near < len(items))
    least = most if touches or directive == "Y" else 1
    return rf"(?P<{directive}>[0-9]{{{least},{most}}})"


def _parts(fields: pa.StructArray, used: frozenset[str]) -> Parts:
    def number(directive: str) -> Floats | float:
        return _number(pc.struct_field(fields, directive)) if directive in used else 0.0

    year = number("Y")
    if "y" in used:
        year = number("y") + np.where(number("y") < 69, 2000, 1900)  # as POSIX has it: 69 is 1969
    month = number("m")
    for names, length in ("b", 3), ("B", None):
        if names in used:
            month = _month(pc.struct_field(fields, names), length)
    hour = number("H")
    if "p" in used:
        hour = _twelve_hours(number("I"), pc.struct_field(fields, "p"))
    micro = number("f")
    if "f" in used:
        micro = _number(pc.utf8_rpad(pc.struct_field(fields, "f"), 6, "0"))
    return Parts(year, month, number("d"), hour, number("M"), number("S"), micro)


def _number(digits: pa.Array) -> Floats:
    return floats(pc.cast(digits, pa.float64()))


def _is(texts: pa.Array, text: str) -> Bools:
    same: Bools = floats(pc.cast(pc.equal(texts, text_array(text)[0]), pa.float64())) == 1
    return same


def _month(names: pa.Array, length: int | None) -> Floats:
    known = pa.concat_arrays([text_array(month[:length]) for month in _MONTHS])
    return _number(pc.index_in(pc.utf8_lower(names), value_set=known)) + 1


def _twelve_hours(hours: Floats | float, halves: pa.Array) -> Floats:
    """Hours of the day: 12 AM is 0, 12 PM is 12."""
    clock = np.asarray(hours)
    return np.where((clock >= 1) & (clock <= 12), clock % 12 + 12 * _is(pc.utf8_lower(halves), "pm"), np.nan)


def _offset(fields: pa.StructArray) -> tuple[Ints, Bools]:
    """The µs that clocks were ahead of UTC, and where it is an offset that there can be."""
    sign, *digits = (pc.struct_field(fields, name) for name in ("sign", "zh", "zm"))
    # Empty for Z; a leading zero changes no other.
    hours, minutes = (_number(pc.binary_join_element_wise(_ZERO, part, _EMPTY)) for part in digits)
    fine = (hours <= 23) & (minutes <= 59)
    size = np.where(fine, hours * 60 + minutes, 0).astype(np.int64) * 60_000_000
    return np.where(_is(sign, "-"), -size, size), fine
