"""How dates and timestamps are written in ISO 8601, and as a number since 1970."""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from headrace.rows.cells import as_mask
from headrace.rows.letters import byte_class, holding
from headrace.rows.number_notation import NUMBER_LETTERS, IntNotation, cast_to_decimal, exact, unscaled
from headrace.rules.bounds import FIRST_TIME, LAST_TIME, bounded
from headrace.rules.column_type import Type
from headrace.rules.times import instants
from headrace.rules.vectors import ints, ints_array
from headrace.rules.zone import Zone

TIMESTAMP = Type("timestamp").arrow

_DAY_MICROS = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()

# Real month and day, other than 29 February, which depends on the year.
_MONTH_DAY = "((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
_DAY = f"[1-9][0-9]{{3}}-{_MONTH_DAY}"
_CLOCK = r"[T ]([01][0-9]|2[0-3])(:[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?)?"
_OFFSET = "(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)"

_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIMESTAMP = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ](?P<hour>[01][0-9]|2[0-3])"
    r"(?::(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9])(?:\.(?P<part>[0-9]{1,9}))?)?)?"
    r"(?:(?P<utc>Z)|(?P<sign>[+-])(?P<ahead>[01][0-9]|2[0-3])(?::?(?P<more>[0-5][0-9]))?)?)?"
)
_INT64_DIGITS = 19
_TOO_FINE = r"(\.[0-9]{6})[0-9]{1,3}"  # of a fraction, what a microsecond cannot hold


@dataclass(frozen=True)
class DateNotation:
    """`YYYY-MM-DD`, a day of the years 1 to 9999."""

    arrow = pa.date32()
    trap = ""
    letters = b"0123456789-"
    sure = f"^{_DAY}$"

    def fast(self, cells: pa.StringArray) -> pa.Array:
        """All at once; in doubt when a cell is no such day."""
        return bounded("date", cells.cast(pa.date32()))

    def one(self, text: str) -> date | None:
        """The day.

        >>> [DateNotation().one(text) for text in ("2016-02-29", "2013-02-29", "2013-1-1")]
        [datetime.date(2016, 2, 29), None, None]
        """
        try:
            return date.fromisoformat(text) if _DATE.fullmatch(text) else None
        except ValueError:
            return None


@dataclass(frozen=True)
class TimestampNotation:
    """ISO 8601 date and time: `2013-01-01T10:00:00Z`, `2013-01-01 05:00-05:00`.

    Without an offset it is a local time of `zone`; there a date alone is its
    midnight, and a time that the zone's clocks skip or show twice is none. Without
    a `zone`, a time without an offset is none. Digits finer than a microsecond are
    cut off. Years 1 to 9999 in UTC.
    """

    zone: Zone | None = None

    arrow = TIMESTAMP
    trap = ""
    letters = b"0123456789-+:.TZ "

    @property
    def sure(self) -> str:
        """With a zone, times without an offset; without one, times with an offset."""
        return f"^{_DAY}({_CLOCK})?$" if self.zone else f"^{_DAY}{_CLOCK}{_OFFSET}$"

    def fast(self, cells: pa.StringArray) -> pa.Array:
        """All at once; in doubt when a cell is no timestamp, or some have an offset and some do not."""
        with suppress(pa.ArrowInvalid):
            return self._fast(cells)
        return self._fast(_in_micros(cells))

    def _fast(self, cells: pa.StringArray) -> pa.Array:
        if self.zone:
            with suppress(pa.ArrowInvalid):
                shown = cells.cast(pa.timestamp("us"))
                return instants(ints(shown), as_mask(shown.is_valid()), self.zone)
        return bounded("timestamp", cells.cast(TIMESTAMP))

    def one(self, text: str) -> int | None:
        """Microseconds since 1970.

        >>> from headrace.rules.zone import zone
        >>> utc, new_york = TimestampNotation(), TimestampNotation(zone("America/New_York"))
        >>> utc.one("1970-01-01T01:00:00.1234569+01"), utc.one("1970-01-01T00:00:00")
        (123456, None)
        >>> new_york.one("2013-01-01 05:00") == utc.one("2013-01-01T10:00Z")
        True
        >>> new_york.one("2013-03-10 02:30"), new_york.one("2013-11-03 01:30")  # skipped, shown twice
        (None, None)
        """
        found = _TIMESTAMP.fullmatch(text)
        if not found:
            return None
        try:
            day = date.fromisoformat(found["day"]).toordinal() - _EPOCH
        except ValueError:
            return None
        clock = (int(found["hour"] or 0) * 60 + int(found["minute"] or 0)) * 60 + int(found["second"] or 0)
        micros = day * _DAY_MICROS + clock * 1_000_000 + int((found["part"] or "")[:6].ljust(6, "0"))
        if found["utc"] or found["sign"]:
            offset = (int(found["ahead"] or 0) * 60 + int(found["more"] or 0)) * 60_000_000
            return _in_calendar(micros + offset if found["sign"] == "-" else micros - offset)
        return _shown(micros, self.zone) if self.zone else None


@dataclass(frozen=True)
class EpochNotation:
    """A number of seconds, milli-, micro- or nanoseconds since 1970-01-01Z, with or without a fraction.

    What is finer than a microsecond is cut off, towards the past. Years 1 to 9999.
    """

    unit: Literal["s", "ms", "us", "ns"]

    arrow = TIMESTAMP
    trap = "x"  # integers are read as IntNotation does
    letters = NUMBER_LETTERS
    sure = "^-?[0-9]{1,18}$"

    @property
    def _shift(self) -> int:
        """The power of ten that makes the unit microseconds."""
        return {"s": 6, "ms": 3, "us": 0, "ns": -3}[self.unit]

    def fast(self, cells: pa.StringArray) -> pa.Array:
        """All at once; in doubt when a cell is no number, has an exponent, or digits finer than a microsecond."""
        if self._shift <= 0:
            numbers = IntNotation().fast(cells)
            return bounded("timestamp", _floored(numbers, 10**-self._shift).view(TIMESTAMP))
        # A decimal of this scale is the number of microseconds, held as a 128-bit integer.
        micros = unscaled(cast_to_decimal(cells, pa.decimal128(38, self._shift)))
        return bounded("timestamp", micros.view(TIMESTAMP))

    def one(self, text: str) -> int | None:
        """Microseconds since 1970.

        >>> [EpochNotation("s").one(text) for text in ("1.5", "-0.0000001", "1e2", "9e99", "x")]
        [1500000, -1, 100000000, None, None]
        """
        if (number := exact(text)) is None:
            return None
        sign, digits, exponent = number
        point = len(digits) + exponent + self._shift  # so many digits make the whole microseconds
        if point > _INT64_DIGITS:
            return None
        whole = int(digits[: max(point, 0)].ljust(point, "0") or "0")
        cut_off = point < len(digits)
        return _in_calendar(-whole - cut_off if sign else whole)


def _in_micros(cells: pa.StringArray) -> pa.StringArray:
    """The cells, without the digits of a fraction of a second that are finer than a microsecond."""
    with_fraction = np.zeros(len(cells), np.bool_)
    with_fraction[holding(cells, byte_class(b"."))] = True
    mask = pa.array(with_fraction)
    return pc.replace_with_mask(cells, mask, pc.replace_substring_regex(cells.filter(mask), _TOO_FINE, r"\1"))


def _in_calendar(micros: int) -> int | None:
    return micros if FIRST_TIME <= micros <= LAST_TIME else None


def _shown(micros: int, zone: Zone) -> int | None:
    """When the zone's clocks show this time; None where they do so twice or never."""
    moments, single = zone.instants(np.array([micros], np.int64))
    return _in_calendar(int(moments[0])) if single[0] else None


def _floored(numbers: pa.Int64Array, divisor: int) -> pa.Int64Array:
    """The quotients, rounded down; null stays null."""
    return ints_array(ints(numbers) // divisor, pa.int64(), known=numbers.is_valid())
