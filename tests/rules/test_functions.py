"""Functions: values, nulls and extremes."""

import math
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from headrace.rules import FUNCTIONS
from lib.rule_values import values


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("abs(x)", [2.5, 2.5, 0.5, 0.0, None]),
        ("floor(x)", [2.0, -3.0, 0.0, 0.0, None]),
        ("round(x)", [3.0, -3.0, 1.0, 0.0, None]),
        ("log1p(x)", [math.log1p(2.5), None, math.log1p(0.5), 0.0, None]),
    ],
)
def test_functions_of_numbers(rule, expected):
    """Of halves, a negative number, zero and null; round goes away from zero."""
    assert values(rule, x=("double", [2.5, -2.5, 0.5, -0.0, None])) == expected


def test_round_is_exact():
    """Next to a half, and where doubles have no halves any more."""
    cells = [0.49999999999999994, -0.49999999999999994, 2.0**52 + 1, -(2.0**53), 1e300, 4503599627370495.5]
    assert values("round(x)", x=("double", cells)) == [0.0, 0.0, 2.0**52 + 1, -(2.0**53), 1e300, 4503599627370496.0]


def test_functions_of_numbers_take_ints_and_decimals():
    """And give a double."""
    assert values("abs(x)", x=("int", [-(2**63), None])) == [2.0**63, None]
    assert values("round(x)", x=("decimal(5,2)", [Decimal("-1.50"), None])) == [-2.0, None]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("upper(x)", ["ÉT\u00a0", "日本", "", "  A B", None]),
        ("lower(x)", ["ét\u00a0", "日本", "", "  a b", None]),
        ("trim(x)", ["Ét", "日本", "", "a B", None]),
        ("length(x)", [3, 2, 0, 5, None]),
    ],
)
def test_functions_of_texts(rule, expected):
    """By characters, whatever they are; white space is Unicode's."""
    assert values(rule, x=("string", ["Ét\u00a0", "日本", "", "  a B", None])) == expected


def test_coalesce_gives_the_first_that_is_known():
    """In the one type that all of them meet in."""
    x, y = ("int", [1, None, None]), ("double", [0.5, 2.5, None])
    assert values("coalesce(x, y, 7)", x=x, y=y) == [1.0, 2.5, 7.0]
    assert values("coalesce(x, 0)", x=x) == [1, 0, 0]
    assert values("coalesce(null, x)", x=x) == [1, None, None]
    assert values("coalesce(x, 0)", x=("decimal(9,2)", [Decimal("1.5"), None])) == [Decimal("1.50"), Decimal("0.00")]
    assert values("coalesce(x, 'none')", x=("string", ["", None])) == ["", "none"]
    assert values("coalesce(null, null)") == [None]


def test_spans_are_whole_microseconds():
    """Of ints exactly, of others to the nearest."""
    second = timedelta(seconds=1)
    assert values("minutes(x)", x=("int", [2, -1, None])) == [120 * second, -60 * second, None]
    assert values("hours(x)", x=("double", [0.5, 1 / 3, None])) == [1800 * second, 1200 * second, None]
    assert values("days(x)", x=("decimal(3,1)", [Decimal("1.5")])) == [timedelta(days=1.5)]
    assert values("minutes(1 / 120000000)") == [timedelta(microseconds=1)]
    assert values("minutes(-1 / 120000000)") == [timedelta(microseconds=-1)]
    assert values("minutes(x)", x=("int", [2**63 - 1, -(2**63)])) == [None, None]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("from_epoch(x)", [1000.0, -1.5, None]),
        ("from_epoch(x, 's')", [1000.0, -1.5, None]),
        ("from_epoch(x, 'ms')", [1.0, -0.0015, None]),
        ("from_epoch(x, 'us')", [0.001, -0.000002, None]),
    ],
)
def test_from_epoch(rule, expected):
    """Seconds or parts of one since 1970, to the nearest µs, halves away from zero."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    times = [None if second is None else epoch + timedelta(seconds=second) for second in expected]
    assert values(rule, x=("double", [1000.0, -1.5, None])) == times


def test_from_epoch_of_ints_is_exact_and_bounded():
    """Beyond 2^53 too; outside the years 1 to 9999 it is null."""
    cells = ("int", [2**53 + 1, 253_402_300_799_999_999, 253_402_300_800_000_000, 2**63 - 1, -(2**63)])
    known = values("from_epoch(x, 'us')", x=cells)
    assert known[:2] == [
        datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=2**53 + 1),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ]
    assert known[2:] == [None, None, None]
    assert values("from_epoch(x)", x=("int", [2**63 - 1, -(2**63), 0]))[:2] == [None, None]


def test_dayofweek_counts_from_monday():
    """1 to 7; a zone decides where one day ends."""
    sunday = datetime(2013, 5, 5, 2, tzinfo=UTC)
    assert values("dayofweek(x)", x=("timestamp", [sunday, sunday + timedelta(days=1), None])) == [7, 1, None]
    assert values("dayofweek(x, 'America/New_York')", x=("timestamp", [sunday, None])) == [6, None]
    assert values("dayofweek(x)", x=("date", [date(2013, 5, 5), date(1, 1, 1), date(9999, 12, 31)])) == [7, 1, 5]


def test_dayofweek_in_a_zone_is_that_of_its_clocks():
    """At every kind of instant of three centuries, as Python's own zones have it."""
    chance = random.Random(3)  # noqa: S311  # nothing secret
    zone = ZoneInfo("America/New_York")
    times = [datetime.fromtimestamp(chance.randrange(-3 * 10**9, 6 * 10**9), UTC) for _ in range(500)]
    found = values("dayofweek(t, 'America/New_York')", t=("timestamp", times))
    assert found == [time.astimezone(zone).isoweekday() for time in times]


def _timestamp(zone: str, *times: tuple[object, ...]) -> list[object]:
    parts = {name: ("double", list(cells)) for name, cells in zip("ymdhn", zip(*times, strict=True), strict=True)}
    return values(f"timestamp(y, m, d, h, n, '{zone}')", **parts)


def test_timestamp_is_the_time_of_a_zones_clocks():
    """Winter and summer, leap days and the ends of days."""
    found = _timestamp("America/New_York", (2013, 1, 31, 5, 15), (2013, 7, 1, 0, 0), (2012, 2, 29, 23, 59))
    assert found == [
        datetime(2013, 1, 31, 10, 15, tzinfo=UTC),
        datetime(2013, 7, 1, 4, tzinfo=UTC),
        datetime(2012, 3, 1, 4, 59, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    "parts",
    [
        (2013, 2, 29, 0, 0),
        (2013, 13, 1, 0, 0),
        (2013, 0, 1, 0, 0),
        (2013, 4, 31, 0, 0),
        (2013, 1, 1, 24, 0),
        (2013, 1, 1, 0, 60),
        (2013, 1, 1, -1, 0),
        (2013, 1, 1.5, 0, 0),
        (0, 1, 1, 0, 0),
        (10_000, 1, 1, 0, 0),
        (1e300, 1, 1, 0, 0),
        (None, 1, 1, 0, 0),
        (2013, 1, 1, 0, None),
    ],
)
def test_timestamp_is_null_where_there_is_no_such_time(parts):
    """A part out of range, a fraction, a null or 29 February of a common year."""
    assert _timestamp("UTC", parts) == [None]


def test_timestamp_is_null_where_clocks_are_put_on_or_back():
    """Half past two is skipped in March and comes twice in October; the hours around are single."""
    times = [(2013, 3, 31, hour, 30) for hour in (1, 2, 3)] + [(2013, 10, 27, hour, 30) for hour in (1, 2, 3)]
    assert _timestamp("Europe/Berlin", *times) == [
        datetime(2013, 3, 31, 0, 30, tzinfo=UTC),
        None,
        datetime(2013, 3, 31, 1, 30, tzinfo=UTC),
        datetime(2013, 10, 26, 23, 30, tzinfo=UTC),
        None,
        datetime(2013, 10, 27, 2, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("%Y-%m-%d", "2013-02-28", "2013-02-28T00:00:00+00:00"),
        ("%Y-%m-%d", "2013-02-29", None),
        ("%Y-%m-%d", "2013-2-8", "2013-02-08T00:00:00+00:00"),
        ("%Y-%m-%d", " 2013-02-08", None),
        ("%Y-%m-%d", "2013-02-08\n", None),
        ("%Y-%m-%d", "2013-02-08x", None),
        ("%Y-%m-%d", "13-02-08", None),
        ("%Y-%m-%d", "٢٠١٣-02-08", None),
        ("%Y%m%d%H%M", "201302081530", "2013-02-08T15:30:00+00:00"),
        ("%Y%m%d", "2013208", None),
        ("%m/%d/%y %I:%M %p", "7/4/13 12:05 am", "2013-07-04T00:05:00+00:00"),
        ("%m/%d/%y %I:%M %p", "7/4/69 12:05 PM", "1969-07-04T12:05:00+00:00"),
        ("%m/%d/%y %I:%M %p", "7/4/13 13:05 PM", None),
        ("%d %b %Y", "4 JUL 2013", "2013-07-04T00:00:00+00:00"),
        ("%d. %B %Y", "4. july 2013", "2013-07-04T00:00:00+00:00"),
        ("%d %b %Y", "4 Juli 2013", None),
        ("%Y-%m-%d %H:%M:%S", "2013-01-01 23:59:60", None),
        ("%Y-%m-%d %H:%M:%S", "2013-01-01 24:00:00", None),
        ("%Y-%m-%d %H:%M:%S.%f", "2013-01-01 01:02:03.5", "2013-01-01T01:02:03.500000+00:00"),
        ("%Y-%m-%d %H:%M:%S.%f", "2013-01-01 01:02:03.000001", "2013-01-01T01:02:03.000001+00:00"),
        ("100%% %Y_%m_%d (.)", "100% 2013_01_02 (.)", "2013-01-02T00:00:00+00:00"),
    ],
)
def test_parse_time_reads_whole_texts_of_real_times(pattern, text, expected):
    """By the format alone: no other spaces, digits, days or hours."""
    found = values(f"parse_time(x, '{pattern}', 'UTC')", x=("string", [text, None]))
    assert found == [expected and datetime.fromisoformat(expected), None]


def test_parse_time_reads_offsets():
    """Z or hours and minutes; then no zone is named."""
    texts = ["2013-01-01T00:00:00Z", "2013-01-01T00:00:00+05:30", "2013-01-01T00:00:00-0100", "2013-01-01T00:00:00"]
    texts += ["2013-01-01T00:00:00+24:00", "2013-01-01T00:00:00+01:60", "0001-01-01T00:00:00+01:00"]
    assert values("parse_time(x, '%Y-%m-%dT%H:%M:%S%z')", x=("string", texts)) == [
        datetime(2013, 1, 1, tzinfo=UTC),
        datetime(2012, 12, 31, 18, 30, tzinfo=UTC),
        datetime(2013, 1, 1, 1, tzinfo=UTC),
        *[None] * 4,
    ]


def test_parse_time_reads_local_times():
    """In the zone that is named; null where its clocks show that time twice or never."""
    texts = ("string", ["2013-07-01 02:30", "2013-03-31 02:30", "2013-10-27 02:30"])
    found = values("parse_time(x, '%Y-%m-%d %H:%M', 'Europe/Berlin')", x=texts)
    assert found == [datetime(2013, 7, 1, 0, 30, tzinfo=UTC), None, None]


def test_names_of_functions_in_any_case():
    """As in SQL; columns keep theirs."""
    assert values("UPPER(Length) = 'A'", Length=("string", ["a"])) == [True]


def test_every_function_is_described():
    """The list for people is sorted, and its lines begin with the function's name."""
    names = [function.name for function in FUNCTIONS]
    assert names == sorted(names)
    assert all(function.doc and function.usage.startswith(f"{function.name}(") for function in FUNCTIONS)
