"""Numbers as a reader wants them: grouped, with units, never rounded into something untrue."""

import datetime as dt
import math

ABSENT = "—"


def count(n: int | None) -> str:
    """A whole number with its thousands apart.

    >>> count(336776), count(None)
    ('336,776', '—')
    """
    return ABSENT if n is None else f"{n:,}"


def share(part: float | None) -> str:
    """A share as a percentage; only nothing is 0 % and only everything is 100 %.

    >>> [share(x) for x in (0.2346, 0.0, 1.0, 4 / 336_776, 1 - 4 / 336_776, 1e-9)]
    ['23.5 %', '0 %', '100 %', '0.0012 %', '99.9988 %', '< 0.0001 %']
    """
    if part is None:
        return ABSENT
    if part in (0.0, 1.0):
        return f"{part:.0%}".replace("%", " %")
    edge = min(part, 1.0 - part)
    if edge < 1e-6:
        return "< 0.0001 %" if part < 0.5 else "> 99.9999 %"
    digits = 1 if edge >= 0.001 else 2 if edge >= 0.0001 else 4
    return f"{100.0 * part:.{digits}f} %"


def measure(value: float | None) -> str:
    """A metric with four digits, or a dash where it has no value.

    >>> measure(0.68712), measure(None)
    ('0.6871', '—')
    """
    return ABSENT if value is None else f"{value:.4f}"


def number(value: float | str | None) -> str:
    """A value of a column with about four digits; whole numbers stay whole, text stays text.

    >>> [number(x) for x in (1024, 3.14159, 3.1, 0.000012345, 2.0, 1234567.8, 1e300, "UA", None)]
    ['1,024', '3.142', '3.1', '1.234e-05', '2', '1,234,568', '1e+300', 'UA', '—']
    """
    if value is None:
        return ABSENT
    if isinstance(value, str):
        return value
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    size = abs(value)
    if size < 1e-3 or size >= 1e9:
        return f"{value:.4g}"
    text = f"{value:,.{max(0, 3 - math.floor(math.log10(size)))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration(seconds: float) -> str:
    """Seconds, and minutes and hours above them.

    >>> [duration(s) for s in (0.04, 3.25, 72.4, 5400)]
    ['0.04 s', '3.2 s', '1 min 12 s', '1 h 30 min']
    """
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size(bytes_: int) -> str:
    """A number of bytes in decimal units.

    >>> [size(n) for n in (17, 64_000, 31_400_000, 2_500_000_000)]
    ['17 B', '64.0 kB', '31.4 MB', '2.5 GB']
    """
    if bytes_ < 1000:
        return f"{bytes_} B"
    amount, unit = float(bytes_), "B"
    for unit in ("kB", "MB", "GB", "TB"):  # noqa: B007  # the last unit reached is the answer
        amount /= 1000
        if amount < 1000:
            break
    return f"{amount:.1f} {unit}"


def instant(text: str) -> str:
    """An ISO date or time, in UTC, without what says nothing; other text stays as it is.

    >>> [instant(t) for t in ("2013-10-01T00:00:00+00:00", "2013-10-01T06:30:12.5Z", "2013-10-01T06:30+02:00", "soon")]
    ['2013-10-01', '2013-10-01 06:30:12 UTC', '2013-10-01 04:30 UTC', 'soon']
    """
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is not None:
        moment = moment.astimezone(dt.UTC)
    if moment.time() == dt.time():
        return moment.date().isoformat()
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC".replace(":00 UTC", " UTC")
