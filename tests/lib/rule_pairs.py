"""Random typed rules, each with DuckDB's SQL for the same, and random rows to evaluate them on.

Where the language differs from SQL on purpose, the SQL says so: x / 0, what is not finite,
and times outside the years 1 to 9999 are null. Times are µs since 1970 on the side of SQL,
so that its own arithmetic of intervals is no part of the oracle.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import NamedTuple

import pyarrow as pa
from hypothesis import strategies as st

from headrace.rules import Type

COLUMNS = {
    "i": Type("int"),
    "plane__j": Type("int"),
    "x": Type("double"),
    "odd name": Type("double"),
    "d": Type("decimal", 12, 2),
    "b": Type("bool"),
    "s": Type("string"),
    "t": Type("string"),
    "seen": Type("timestamp"),
    "day": Type("date"),
}
FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
SPACES = " \t\u00a0\u3000"

SETUP = f"""
CREATE OR REPLACE TEMP MACRO fin(x) AS CASE WHEN isfinite(x) THEN x END;
CREATE OR REPLACE TEMP MACRO quot(x, y) AS CASE WHEN y <> 0 THEN fin(x / y) END;
CREATE OR REPLACE TEMP MACRO whole(x) AS CASE WHEN abs(x) < 4e18 THEN TRY_CAST(round(x) AS HUGEINT) END;
CREATE OR REPLACE TEMP MACRO ts(x) AS CASE WHEN x BETWEEN {FIRST} AND {LAST} THEN CAST(x AS HUGEINT) END;
CREATE OR REPLACE TEMP MACRO span(x) AS
    CASE WHEN x BETWEEN {FIRST - LAST} AND {LAST - FIRST} THEN CAST(x AS HUGEINT) END;
"""


class Pair(NamedTuple):
    """One expression in both languages."""

    rule: str
    sql: str


Pairs = st.SearchStrategy[Pair]


def rules(depth: int = 3) -> st.SearchStrategy[tuple[str, Pair]]:
    """A kind of result and an expression of it: bool, int, double, string, time or span."""
    makers = {"bool": bools, "int": ints, "double": doubles, "string": strings, "time": times, "span": spans}
    kinds = [*makers, *["bool"] * 6]  # where all the others meet
    return st.sampled_from(kinds).flatmap(lambda kind: makers[kind](depth).map(lambda pair: (kind, pair)))


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _join(template: str, sql: str, *parts: Pairs) -> Pairs:
    """Both templates filled with the same parts; {0} is a part of a rule and of SQL alike."""
    return st.tuples(*parts).map(
        lambda pairs: Pair(template.format(*(p.rule for p in pairs)), sql.format(*(p.sql for p in pairs)))
    )


def _leaves(*pairs: tuple[str, str]) -> Pairs:
    return st.sampled_from([Pair(*pair) for pair in pairs])


def _number(value: float) -> Pair:
    cast = "BIGINT" if isinstance(value, int) else "DOUBLE"
    return Pair(str(value), f"CAST('{value}' AS {cast})")


_INT_LITERALS = st.sampled_from([0, 1, -1, 7, 15, 2**53, 2**53 + 1, 2**62, -(2**62), 2**63 - 1, -(2**63)])
_DOUBLE_LITERALS = st.sampled_from([0.0, -0.0, 0.5, -2.5, 1e300, -1e300, 5e-324, 9007199254740993.0, 1.25])
_TEXTS = ["", "a", "A", "ab ", " é", "É", "ß", "日本", "o'clock", "\t\u00a0x\u3000", "𝄞", "N123", "n-1", "z\nz"]
_DECIMALS = st.sampled_from(["0", "1", "-1", "0.5", "12.34", "-12.345", "9999999999.99", "1e3", "-2.50"])
_PATTERNS = st.sampled_from(["^N[0-9]+$", "a|b", "^$", ".", "^.$", "[é日]", "(?i)A", r"\d", "z.z", "z$"])
_MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)


@cache
def ints(depth: int) -> Pairs:
    """BIGINT."""
    leaf = st.one_of(_leaves(("i", "i"), ("plane.j", "plane__j")), _INT_LITERALS.map(_number))
    if not depth:
        return leaf
    return st.one_of(
        leaf,
        _join("length({0})", "length({0})", strings(depth - 1)),
        _join("dayofweek({0})", "isodow(make_timestamp(CAST({0} AS BIGINT)))", times(depth - 1)),
        _join("coalesce({0}, {1})", "coalesce({0}, {1})", ints(depth - 1), ints(0)),
    )


@cache
def doubles(depth: int) -> Pairs:
    """DOUBLE, always finite."""
    leaf = st.one_of(_leaves(("x", "fin(x)"), ('"odd name"', 'fin("odd name")')), _DOUBLE_LITERALS.map(_number))
    if not depth:
        return leaf
    some = numbers(depth - 1)
    return st.one_of(
        leaf,
        *(_join(f"({{0}} {sign} {{1}})", f"fin({{0}} {sign} {{1}})", some, some) for sign in "+-*"),
        _join("({0} / {1})", "quot({0}, {1})", some, some),
        _join("({0} + {1} - {2})", "fin(fin({0} + {1}) - {2})", some, some, some),
        _join("({0} * {1} / {2})", "quot(fin({0} * {1}), {2})", some, some, some),
        _join("(- {0})", "(- {0})", some),
        *(_join(f"{name}({{0}})", f"{name}({{0}})", some) for name in ("abs", "floor", "round")),
        _join("({0} / {1})", "quot(CAST({0} AS DOUBLE), CAST({1} AS DOUBLE))", spans(depth - 1), spans(depth - 1)),
    )


@cache
def numbers(depth: int) -> Pairs:
    """A number of any kind, made a double by arithmetic."""
    decimals = _leaves(("d", "d"))
    return st.one_of(doubles(depth), st.one_of(ints(depth), decimals).map(_as_double))


def _as_double(pair: Pair) -> Pair:
    return Pair(f"({pair.rule} * 1)", f"CAST({pair.sql} AS DOUBLE)")


@cache
def strings(depth: int) -> Pairs:
    """VARCHAR."""
    literals = st.sampled_from(_TEXTS).map(lambda text: Pair(_text(text), _text(text)))
    leaf = st.one_of(_leaves(("s", "s"), ("t", "t")), literals)
    if not depth:
        return leaf
    some = strings(depth - 1)
    return st.one_of(
        leaf,
        _join("upper({0})", "upper({0})", some),
        _join("lower({0})", "lower({0})", some),
        _join("trim({0})", f"trim({{0}}, {_text(SPACES)})", some),
        _join("coalesce({0}, {1}, {2})", "coalesce({0}, {1}, {2})", some, some, some),
    )


@cache
def times(depth: int) -> Pairs:
    """µs since 1970, of the years 1 to 9999."""
    leaf = st.one_of(_leaves(("seen", "ts(seen)")))
    if not depth:
        return leaf
    some, span = times(depth - 1), spans(depth - 1)
    return st.one_of(
        leaf,
        _join("({0} + {1})", "ts({0} + {1})", some, span),
        _join("({1} + {0})", "ts({0} + {1})", some, span),
        _join("({0} - {1})", "ts({0} - {1})", some, span),
        _join("(day + {0})", "ts(ts(day * CAST(86400000000 AS HUGEINT)) + {0})", span),
        _join("coalesce({0}, {1})", "coalesce({0}, {1})", some, some),
        _join("from_epoch({0}, 'ms')", "ts({0} * CAST(1000 AS HUGEINT))", ints(depth - 1)),
        _join("from_epoch({0})", "ts(whole({0} * CAST(1000000 AS DOUBLE)))", doubles(depth - 1)),
    )


@cache
def spans(depth: int) -> Pairs:
    """µs, of at most 9999 years."""
    units = st.sampled_from([("minutes", 60_000_000), ("hours", 3_600_000_000), ("days", 86_400_000_000)])
    exact = units.flatmap(
        lambda unit: _join(f"{unit[0]}({{0}})", f"span({{0}} * CAST({unit[1]} AS HUGEINT))", ints(max(depth - 1, 0)))
    )
    if not depth:
        return exact
    rounded = units.flatmap(
        lambda unit: _join(f"{unit[0]}({{0}})", f"span(whole({{0}} * CAST({unit[1]} AS DOUBLE)))", doubles(depth - 1))
    )
    some, time = spans(depth - 1), times(depth - 1)
    return st.one_of(
        exact,
        rounded,
        _join("({0} - {1})", "span({0} - {1})", time, time),
        _join("({0} - {1})", "span({0} - {1})", some, some),
        _join("({0} + {1})", "span({0} + {1})", some, some),
    )


@cache
def bools(depth: int) -> Pairs:
    """BOOLEAN."""
    leaf = _leaves(("b", "b"), ("true", "true"), ("FALSE", "false"))
    if not depth:
        return leaf
    some = bools(depth - 1)
    signs = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
    return st.one_of(
        leaf,
        *(_join(f"({{0}} {word} {{1}})", f"({{0}} {word} {{1}})", some, some) for word in ("and", "or", "=", "<>")),
        _join("(not {0})", "(not {0})", some),
        _join("({0} or {1} and {2})", "({0} or ({1} and {2}))", some, some, some),
        st.one_of(some, ints(depth - 1), strings(depth - 1), times(depth - 1)).flatmap(
            lambda pair: st.sampled_from(["is null", "is not null"]).map(
                lambda words: Pair(f"({pair.rule} {words})", f"({pair.sql} {words})")
            )
        ),
        *(
            _comparison(signs, operand)
            for operand in (ints(depth - 1), numbers(depth - 1), strings(depth - 1), times(depth - 1), spans(depth - 1))
        ),
        _comparison(signs, st.one_of(_leaves(("d", "d"), ("i", "i")), _DECIMALS.map(_decimal))),
        _comparison(signs, st.one_of(_leaves(("seen", "ts(seen)"), ("day", _DAY)), _MOMENTS.map(_moment)), mixed=True),
        _member(ints(depth - 1), _INT_LITERALS.map(_number)),
        _member(numbers(depth - 1), _DOUBLE_LITERALS.map(_number)),
        _member(_leaves(("d", "d")), _DECIMALS.map(_decimal)),
        _member(strings(depth - 1), st.sampled_from(_TEXTS).map(lambda text: Pair(_text(text), _text(text)))),
        st.tuples(strings(depth - 1), _PATTERNS, st.sampled_from(["", "not "])).map(
            lambda parts: Pair(
                f"({parts[0].rule} {parts[2]}matches {_text(parts[1])})",
                f"({parts[2]}regexp_matches({parts[0].sql}, {_text(parts[1])}))",
            )
        ),
    )


_DAY = "ts(day * CAST(86400000000 AS HUGEINT))"


def _decimal(literal: str) -> Pair:
    return Pair(literal, f"CAST('{literal}' AS DECIMAL(24, 3))")


def _moment(moment: datetime) -> Pair:
    micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return Pair(f"'{moment.isoformat()}'", f"CAST({micros} AS HUGEINT)")


def _comparison(signs: st.SearchStrategy[str], operand: Pairs, *, mixed: bool = False) -> Pairs:
    """A comparison or `between`; where kinds are mixed, a column comes first."""
    first = _leaves(("seen", "ts(seen)"), ("day", _DAY)) if mixed else operand
    compare = st.tuples(first, signs, operand).map(
        lambda parts: Pair(
            f"({parts[0].rule} {parts[1]} {parts[2].rule})", f"({parts[0].sql} {parts[1]} {parts[2].sql})"
        )
    )
    return st.one_of(
        compare,
        compare,
        _join("({0} between {1} and {2})", "({0} between {1} and {2})", first, operand, operand),
        _join("({0} not between {1} and {2})", "({0} not between {1} and {2})", first, operand, operand),
    )


def _member(value: Pairs, literals: Pairs) -> Pairs:
    listed = st.lists(st.one_of(literals, literals, literals, st.just(Pair("null", "null"))), min_size=1, max_size=4)

    def written(parts: tuple[Pair, str, list[Pair]]) -> Pair:
        found, word, among = parts
        rule, sql = (", ".join(literal) for literal in zip(*among, strict=True))
        return Pair(f"({found.rule} {word} ({rule}))", f"({found.sql} {word} ({sql}))")

    return st.tuples(value, st.sampled_from(["in", "not in"]), listed).map(written)


def rows(seed: int, count: int) -> pa.RecordBatch:
    """Rows of `COLUMNS`: nulls, extremes and ordinary values, at random."""
    chance = random.Random(seed)  # noqa: S311  # nothing secret
    extremes = [0.0, -0.0, 0.5, -0.5, 2.5, 0.49999999999999994, 1e308, -1e308, 5e-324, 2.0**53, 1e19]
    extremes += [float("nan"), float("inf"), -float("inf")]
    pools: dict[str, Callable[[], object]] = {
        "int": lambda: chance.choice(
            [0, 1, -1, 15, 2**53, 2**53 + 1, 2**53 - 1, -(2**53) - 1, 2**62, -(2**62), 2**63 - 1, -(2**63)]
            + [chance.randrange(-3000, 3000) for _ in range(12)]
        ),
        "double": lambda: chance.choice([*extremes, *(chance.gauss(0, 1000) for _ in range(10))]),
        "decimal": lambda: Decimal(chance.choice([0, 1, -1, 50, 1234, 999_999_999_999, chance.randrange(10**6)])) / 100,
        "bool": lambda: chance.random() < 0.5,
        "string": lambda: chance.choice(_TEXTS),
        "timestamp": lambda: chance.choice(
            [0, -1, FIRST, FIRST - 1, LAST, LAST + 1, 2**63 - 1, -(2**63)]
            + [chance.randrange(10**15, 2 * 10**15) for _ in range(10)]
        ),
        "date": lambda: chance.choice([0, -1, -719_163, -719_162, 2_932_896, 2_932_897, 2**31 - 1, 15_706, 16_000]),
    }
    arrays = []
    for type_ in COLUMNS.values():
        values = [None if chance.random() < 0.15 else pools[type_.kind]() for _ in range(count)]
        held = {"timestamp": pa.int64(), "date": pa.int32()}.get(type_.kind, type_.arrow)
        arrays.append(pa.array(values, held).view(type_.arrow))
    return pa.RecordBatch.from_arrays(arrays, names=list(COLUMNS))
