"""Operators: values, nulls and extremes, one fact per test."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from lib.rule_values import values

BOOLS = [True, True, True, False, False, False, None, None, None]
OTHERS = [True, False, None, True, False, None, True, False, None]
NOON = datetime(2013, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("a and b", [True, False, None, False, False, False, None, False, None]),
        ("a or b", [True, True, True, True, False, None, True, None, None]),
        ("not a", [False, False, False, True, True, True, None, None, None]),
        ("a = b", [True, False, None, False, True, None, None, None, None]),
    ],
)
def test_logic_has_three_values(rule, expected):
    """And, or, not follow Kleene's tables: null is what is not known."""
    assert values(rule, a=("bool", BOOLS), b=("bool", OTHERS)) == expected


@pytest.mark.parametrize(
    ("sign", "expected"),
    [
        ("=", [False, True, False, None]),
        ("<>", [True, False, True, None]),
        ("<", [True, False, False, None]),
        ("<=", [True, True, False, None]),
        (">", [False, False, True, None]),
        (">=", [False, True, True, None]),
    ],
)
def test_comparisons(sign, expected):
    """Each comparison on less, equal, greater and null."""
    assert values(f"x {sign} 2", x=("int", [1, 2, 3, None])) == expected


def test_ints_are_compared_exactly():
    """Neighbours beyond 2^53, which are one double, stay apart."""
    assert values("x = y", x=("int", [2**53 + 1, -(2**63)]), y=("int", [2**53, -(2**63)])) == [False, True]


def test_an_int_beyond_2_53_meets_a_double():
    """Such an int is rounded to a double; the batch is not refused, as a safe cast would."""
    assert values("x = y", x=("int", [2**53 + 1, 2**63 - 1]), y=("double", [2.0**53, 2.0**63])) == [True, True]


def test_the_least_int_can_be_written():
    """A sign belongs to the number behind it."""
    assert values("x = -9223372036854775808", x=("int", [-(2**63), 0])) == [True, False]


def test_decimals_are_compared_exactly():
    """With decimals of other scales, with ints, and with numbers as they stand in the rule."""
    cells = ("decimal(38,2)", [Decimal("0.10"), Decimal(10) ** 35 + Decimal("0.01"), None])
    assert values("x = 0.1", x=cells) == [True, False, None]
    assert values("x > 99999999999999999999999999999999999.0", x=cells) == [False, True, None]
    assert values("x = y", x=cells, y=("decimal(38,30)", [Decimal("0.1"), None, None])) == [True, None, None]
    assert values("x < y", x=cells, y=("int", [2**63 - 1, 2**63 - 1, 0])) == [True, False, None]


@pytest.mark.parametrize("type_", ["decimal(12,2)", "decimal(38,2)"])
def test_a_decimal_becomes_the_nearest_double(type_):
    """Narrow or wide, it is the double that its text stands for, which Arrow's own cast often misses."""
    cells = [Decimal(n).scaleb(-2) for n in range(-30_001, 30_001, 7)]
    assert values("x + 0", x=(type_, cells)) == [float(cell) for cell in cells]


def test_texts_are_compared_by_code_point():
    """Without any locale: capitals before small letters, é after z."""
    assert values("x < 'a'", x=("string", ["Z", "é", "", None])) == [True, False, True, None]


def test_true_equals_true():
    """Conditions can be compared, as in a rule that two columns are null together."""
    rule = "(x is null) = (y is null)"
    assert values(rule, x=("int", [None, None, 1]), y=("int", [None, 1, 1])) == [True, False, True]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("x >= '2013-05-01'", [True, False, None]),
        ("x = '2013-05-01 12:00'", [True, False, None]),
        ("'2013-05-01T14:00:00.0+02:00' = x", [True, False, None]),
        ("x between '2013-04-30' and '2013-05-01'", [False, True, None]),
        ("x in ('2013-05-01T12:00:00Z', '2000-01-01')", [True, False, None]),
    ],
)
def test_a_timestamp_meets_iso_texts(rule, expected):
    """A text in the rule is a time in UTC, or with its own offset; a date is its midnight."""
    assert values(rule, x=("timestamp", [NOON, NOON - timedelta(days=1), None])) == expected


def test_a_date_meets_iso_texts_and_timestamps():
    """As a date, or as its midnight in UTC."""
    cells = ("date", [date(2013, 5, 1), date(2013, 5, 2), None])
    assert values("x = '2013-05-01'", x=cells) == [True, False, None]
    assert values("x > '2013-05-01T12:00Z'", x=cells) == [False, True, None]
    assert values("x < y", x=cells, y=("timestamp", [NOON, NOON, NOON])) == [True, False, None]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("x between 1 and 3", [False, True, True, False, None]),
        ("x not between 1 and 3", [True, False, False, True, None]),
        ("x between 1 and null", [False, None, None, None, None]),
        ("x not between null and 3", [None, None, None, True, None]),
    ],
)
def test_between_includes_both_ends(rule, expected):
    """And is false as soon as one known end is missed."""
    assert values(rule, x=("double", [0.5, 1.0, 3.0, 3.5, None])) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("x in (1, 2.5)", [True, True, False, None]),
        ("x not in (1, 2.5)", [False, False, True, None]),
        ("x in (1, null)", [True, None, None, None]),
        ("x not in (null)", [None, None, None, None]),
    ],
)
def test_membership_knows_null(rule, expected):
    """A null among the literals may be any value, as in SQL."""
    assert values(rule, x=("double", [1.0, 2.5, -1.0, None])) == expected


def test_membership_takes_both_zeros_for_one():
    """The hash behind Arrow's is_in would tell them apart."""
    assert values("x in (0)", x=("double", [0.0, -0.0])) == [True, True]
    assert values("x in (-0.0)", x=("double", [0.0, -0.0])) == [True, True]


@pytest.mark.parametrize(
    ("type_", "cells", "literals", "expected"),
    [
        ("string", ["a", "", "é", None], "'é', 'o''clock', ''", [False, True, True, None]),
        ("bool", [True, False, None], "true", [True, False, None]),
        ("decimal(9,2)", [Decimal("1.50"), Decimal(2), None], "1.5, 3", [True, False, None]),
        ("int", [-1, 2**62 + 1, None], f"-1, {2**62}", [True, False, None]),
        ("date", [date(2013, 5, 1), None], "'2013-05-01'", [True, None]),
    ],
)
def test_membership_of_every_type(type_, cells, literals, expected):
    """Whatever can be written down can be looked for."""
    assert values(f"x in ({literals})", x=(type_, cells)) == expected


def test_is_null_is_always_known():
    """Of a column, of an expression, and of what cannot be computed."""
    assert values("x is null", x=("int", [1, None])) == [False, True]
    assert values("x is not null", x=("string", ["", None])) == [True, False]
    assert values("x / 0 is null", x=("int", [1, None])) == [True, True]
    assert values("null is null") == [True]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("^N[0-9]+$", [True, False, False, False, None]),
        ("n", [False, True, False, False, None]),
        ("(?i)^n", [True, False, False, False, None]),
        ("^.$", [False, False, True, False, None]),
        ("^$", [False, False, False, True, None]),
    ],
)
def test_matches_finds_a_pattern_anywhere(pattern, expected):
    """RE2, by characters; anchors make it match the whole."""
    assert values(f"x matches '{pattern}'", x=("string", ["N12", "an", "日", "", None])) == expected
    inverse = [None if found is None else not found for found in expected]
    assert values(f"x not matches '{pattern}'", x=("string", ["N12", "an", "日", "", None])) == inverse


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("10 - 2 - 3", 5.0),
        ("16 / 4 / 2", 2.0),
        ("-2 * -3", 6.0),
        ("2 - - 3", 5.0),
        ("1 + 1 = 2 and not 2 = 3", True),
        ("true or false and false", True),
        ("not true = false", True),
        ("1 / 0", None),
        ("0 / 0", None),
        ("1e308 * 10", None),
        ("1e308 * 10 / 1e308", None),
        ("1 / (1e308 * 10)", None),
        ("1 + null", None),
        ("1 = null", None),
        ("7 / 2", 3.5),
    ],
)
def test_arithmetic_binds_as_in_sql_and_stays_finite(rule, expected):
    """Multiplication before addition, from left to right; what is not finite is null at once."""
    assert values(rule) == [expected]


def test_what_is_not_finite_in_a_column_is_null():
    """NaN and infinities of the rows reach no rule."""
    cells = ("double", [float("nan"), float("inf"), -float("inf"), 1.0])
    assert values("x", x=cells) == [None, None, None, 1.0]
    assert values("x > 0", x=cells) == [None, None, None, True]
    assert values("x in (1, 2)", x=cells) == [None, None, None, True]


def test_arithmetic_on_ints_is_in_doubles():
    """It cannot overflow; above 2^53 it rounds."""
    assert values("x + x", x=("int", [2**63 - 1, 3, None])) == [2.0**64, 6.0, None]


def test_times_and_spans():
    """A time and a span make a time, two times a span, two spans a number."""
    seen = ("timestamp", [NOON, None])
    hour = timedelta(hours=1)
    assert values("x - hours(2)", x=seen) == [NOON - 2 * hour, None]
    assert values("minutes(30) + x + minutes(m)", x=seen, m=("int", [30, 1])) == [NOON + hour, None]
    assert values("x - '2013-05-01'", x=seen) == [12 * hour, None]
    assert values("(x - '2013-05-01') / days(1)", x=seen) == [0.5, None]
    assert values("hours(1) / hours(0)") == [None]
    assert values("hours(3) - minutes(60) = hours(2)") == [True]
    assert values("d + hours(12) = x", x=seen, d=("date", [date(2013, 5, 1), None])) == [True, None]
    assert values("x + null", x=seen) == [None, None]


def test_no_time_lies_outside_the_years_1_to_9999():
    """Neither computed ones nor those of the rows: they are null."""
    ends = ("timestamp", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)])
    assert values("x - minutes(1) is null", x=ends) == [True, False]
    assert values("x + minutes(1) is null", x=ends) == [False, True]
    assert values("x + days(n) is null", x=ends, n=("int", [2**63 - 1, -(2**63)])) == [True, True]
    assert values("x is null", x=("timestamp", [2**63 - 1, -(2**63)])) == [True, True]
    assert values("days(1e300)") == [None]
