"""Faults are answered by position, what was found, and the cure."""

import pickle

import pytest

from headrace.rules import RuleError, Type, compile_expression

COLUMNS = {
    "carrier": Type("string"),
    "arr_delay": Type("int"),
    "distance": Type("double"),
    "amount": Type("decimal", 12, 2),
    "late": Type("bool"),
    "day": Type("date"),
    "sched_dep": Type("timestamp"),
    "plane__seats": Type("int"),
    "gate no": Type("int"),
}


@pytest.mark.parametrize(
    ("rule", "column", "words"),
    [
        ("arr_delay > carier", 13, "no column carier; did you mean carrier?"),
        ("Carrier = 'AA'", 1, "did you mean carrier?"),
        ("plane.seat > 1", 1, "no column plane.seat; did you mean plane.seats?"),
        ("gate_no > 1", 1, 'did you mean "gate no"?'),
        ('carrier = "AA"', 11, "a text is written in single quotes: 'AA'"),
        ("zzz > 1", 1, "known: "),
        ("uper(carrier)", 1, "no function uper; did you mean upper?"),
    ],
)
def test_names_that_do_not_exist(rule, column, words):
    """The nearest one is offered, in whatever case, as a rule writes it."""
    _fails(rule, column, words)


@pytest.mark.parametrize(
    ("rule", "column", "words"),
    [
        ("arr_delay > '15'", 13, "int arr_delay and string '15' cannot be compared or mixed; numbers are written"),
        ("late > true", 1, "> takes what has an order, found bool late and bool true"),
        ("late in (1)", 10, "bool late and int 1"),
        ("distance in (1, 'a')", 17, "double distance and string 'a'"),
        ("carrier > sched_dep", 1, "parse_time(text, format, zone)"),
        ("sched_dep > 'May'", 13, "'May' is no time; write '2013-01-31'"),
        ("day = '2013-02-30'", 7, "is no time"),
        ("sched_dep + 5", 13, "timestamp sched_dep + int 5 has no meaning; minutes(x), hours(x)"),
        ("minutes(1) * 2", 14, "duration minutes(1) * int 2 has no meaning"),
        ("carrier + 'x'", 11, "string carrier + string 'x' has no meaning"),
        ("- carrier", 3, "the sign - takes a number, found string carrier"),
        ("arr_delay and late", 1, "and takes conditions, true or false; found int arr_delay"),
        ("late or arr_delay", 9, "or takes conditions"),
        ("not arr_delay", 5, "not takes conditions"),
        ("distance matches 'a'", 1, "matches takes a text, found double distance"),
        ("upper(distance)", 7, "upper(text): found double distance where a text is needed"),
        ("abs(carrier)", 5, "abs(number): found string carrier where a number is needed"),
        ("dayofweek(arr_delay)", 11, "found int arr_delay where a date or timestamp is needed"),
        ("dayofweek(day, 'UTC')", 16, "the same day in every zone"),
        ("coalesce(distance, carrier)", 20, "double distance and string carrier"),
        ("amount = 1e-50", 10, "1e-50 has more than the 38 digits of a decimal"),
        (f"coalesce(amount, {10**18}, 1e-30) = 1", 10, "a decimal has 38 digits at most"),
    ],
)
def test_types_that_do_not_fit(rule, column, words):
    """Both types are named, with the parts of the rule that have them."""
    _fails(rule, column, words)


@pytest.mark.parametrize(
    ("rule", "column", "words"),
    [
        ("", 1, "found the end; allowed here: a column, a value, a function, - or (, not"),
        ("arr_delay >", 12, "found the end"),
        ("arr_delay > > 1", 13, "found '>'"),
        ("arr_delay carrier", 11, "found 'carrier'; allowed here: = <> < <= > >=, + - * /"),
        ("(arr_delay > 1", 15, "found the end; allowed here: )"),
        ("arr_delay != 1", 11, "write <> for unequal"),
        ("arr_delay == 1", 12, "write a single ="),
        ("1 < arr_delay < 5", 15, "comparisons do not chain"),
        ("late && late", 6, "write and"),
        ("arr_delay % 2 = 0", 11, "there is no remainder"),
        ("carrier = 'AA", 11, "no closing quote"),
        ("carrier = ‘AA’", 11, "straight quote"),  # noqa: RUF001  # as word processors write it
        ("größe > 1", 3, "a name with such letters is written in double quotes"),
        (".5 > 1", 1, "a number begins with a digit"),
        ("a.b.c", 4, "a name has one dot"),
        ("and > 1", 1, 'a column of that name is written "and"'),
        ("carrier in (late)", 13, "allowed here: a text in single quotes, a number"),
        ("carrier matches carrier", 17, "allowed here: a text in single quotes"),
        ("arr_delay is 3", 14, "allowed here: null, not"),
        ("arr_delay = 99999999999999999999", 13, "more than 64 bits"),
        ("distance = 1e999", 12, "larger than any double"),
        ("carrier = '\ud800'", 12, "half of a surrogate pair"),
    ],
)
def test_what_is_no_expression(rule, column, words):
    """What was found, what may stand there, and the cure of common slips."""
    _fails(rule, column, words)


@pytest.mark.parametrize(
    ("rule", "column", "words"),
    [
        ("upper()", 1, "upper is written upper(text); found 0 arguments"),
        ("TIMESTAMP(1, 2, 3)", 1, "timestamp(year, month, day, hour, minute, zone)"),
        ("carrier matches '(a'", 17, "missing ): (a; the syntax is RE2's"),
        ("carrier matches '(?=a)'", 17, "no look-around"),
        ("dayofweek(sched_dep, 'America/NewYork')", 22, "did you mean America/New_York?"),
        ("dayofweek(sched_dep, '../../etc/passwd')", 22, "no time zone"),
        ("dayofweek(sched_dep, carrier)", 22, "found string carrier where the name of a time zone"),
        ("from_epoch(arr_delay, 'h')", 23, "no unit 'h'; write 's', 'ms' or 'us'"),
        ("from_epoch(arr_delay, 1)", 23, "found int 1 where 's', 'ms' or 'us'"),
        ("parse_time(carrier, carrier, 'UTC')", 21, "where a format"),
        ("parse_time(carrier, '%Y-%q', 'UTC')", 21, "the format has %q; there are %Y %y"),
        ("parse_time(carrier, '%Y-%m-%d %', 'UTC')", 21, "the format has %; there are"),
        ("parse_time(carrier, '%Y-%m', 'UTC')", 21, "the format has no day, %d"),
        ("parse_time(carrier, '%y-%Y-%m-%d', 'UTC')", 21, "the format has the year twice"),
        ("parse_time(carrier, '%Y-%m-%d %M %M', 'UTC')", 21, "the format has %M twice"),
        ("parse_time(carrier, '%Y-%m-%d %I', 'UTC')", 21, "need each other"),
        ("parse_time(carrier, '%Y-%m-%d')", 21, "name the zone in which the times are"),
        ("parse_time(carrier, '%Y-%m-%d %z', 'UTC')", 21, "leave the zone out"),
    ],
)
def test_arguments_that_cannot_be_used(rule, column, words):
    """Patterns, zones, units and formats are looked at when the rule is compiled."""
    _fails(rule, column, words)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("(" * 199 + "late" + ")" * 199, None),
        ("(" * 4000 + "late" + ")" * 4000, "400 words and signs"),
        ("not " * 59 + "late", None),
        ("not " * 60 + "late", "60 deep"),
        ("-" * 399 + "1", "60 deep"),
        ("arr_delay" + " + 1" * 199, None),
        ("late" + " and late" * 199, None),
        ("late" + " or late" * 200, "400 words and signs"),
        ("carrier = '" + "é" * 5000 + "'", "10,012 bytes long"),
        ("abs(" * 60 + "1" + ")" * 60, "60 deep"),
    ],
)
def test_limits(rule, words):
    """Depth, words and bytes; a long chain or brackets are no depth."""
    if words:
        _fails(rule, None, words)
    else:
        compile_expression(rule, COLUMNS)


def test_an_error_can_be_pickled():
    """It crosses processes with its message and position."""
    error = pickle.loads(pickle.dumps(RuleError("no column x", 7)))  # noqa: S301  # our own bytes
    assert (error.message, error.column, str(error)) == ("position 7: no column x", 7, "position 7: no column x")


def _fails(rule: str, column: int | None, words: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_expression(rule, COLUMNS)
    assert words in caught.value.message
    if column is not None:
        assert caught.value.column == column
        assert caught.value.message.startswith(f"position {column}: ")
