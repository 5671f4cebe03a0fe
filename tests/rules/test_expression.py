"""What a compiled expression is: types, names, equality, pickling, and no part for other rows."""

import pickle
import random
import subprocess
import sys
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.rules import RuleError, Type, compile_expression
from lib.rule_pairs import COLUMNS, Pair, rows, rules


@pytest.mark.parametrize(
    ("rule", "type_", "columns"),
    [
        ("(i is null) = (d is null)", "bool", {"i", "d"}),
        ("i is null or d / i between 1 and 12", "bool", {"i", "d"}),
        ("seen + minutes(i) + minutes(plane.j) + minutes(60)", "timestamp", {"seen", "i", "plane__j"}),
        ("i * 60 + plane.j", "double", {"i", "plane__j"}),
        ("dayofweek(seen, 'America/New_York')", "int", {"seen"}),
        ("i - plane.j", "double", {"i", "plane__j"}),
        ('"odd name" > x', "bool", {"odd name", "x"}),
        ("seen - day", "duration", {"seen", "day"}),
        ("i", "int", {"i"}),
        ("coalesce(d, 0)", "decimal(12,2)", {"d"}),
        ("coalesce(day, seen)", "timestamp", {"day", "seen"}),
        ("upper(s)", "string", {"s"}),
        ("plane__j", "int", {"plane__j"}),
        ("1 + 1", "double", set()),
        ("'a'", "string", set()),
        ("null", "null", set()),
    ],
)
@pytest.mark.parametrize("count", [0, 1, 5])
def test_type_columns_and_length(rule, type_, columns, count):
    """One value of the expression's type for each row, also of none; `columns` are the stored names read."""
    expression = compile_expression(rule, COLUMNS)
    assert (str(expression.type), expression.columns) == (type_, columns)
    found = expression(rows(1, count))
    assert (len(found), found.type) == (count, expression.type.arrow)


def test_keywords_in_any_case_and_over_lines():
    """AND, And, and; white space of any kind between words."""
    one = compile_expression("i IS NOT Null AND\n\ts Matches 'a'", COLUMNS)
    two = compile_expression("i is not null and s matches 'a'", COLUMNS)
    assert one(rows(2, 50)).equals(two(rows(2, 50)))


def test_equal_by_text_and_types():
    """And hashed so; types of columns that are not read play no part."""
    one = compile_expression("i > 1", COLUMNS)
    same = compile_expression("i > 1", {"i": Type("int")})
    other = compile_expression("i > 1", {"i": Type("double")})
    assert one == same
    assert hash(one) == hash(same)
    assert one not in (other, compile_expression("i > 2", COLUMNS))


def test_pickled_by_text_and_types():
    """A worker compiles it anew; it gives the same."""
    expression = compile_expression("seen - hours(plane.j) > '2013-01-01' or s in ('a')", COLUMNS)
    copy = pickle.loads(pickle.dumps(expression))  # noqa: S301  # our own bytes
    assert copy == expression
    assert copy(rows(3, 50)).equals(expression(rows(3, 50)))


def test_rows_of_another_type_are_refused():
    """Loudly: a rule compiled for int is not for int32."""
    with pytest.raises(TypeError, match="column i is int32; the rule was compiled for int64"):
        compile_expression("i > 1", COLUMNS)(pa.record_batch({"i": pa.array([1], pa.int32())}))


@given(rule=rules(), seed=st.integers(0, 2**32), cuts=st.sets(st.integers(1, 29), max_size=4))
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_row_has_a_part_in_another(rule: tuple[str, Pair], seed: int, cuts: set[int]):
    """Any split of the rows, or any order, gives the same bits (law 2)."""
    expression = compile_expression(rule[1].rule, COLUMNS)
    batch = rows(seed, 30)
    whole = _bits(expression(batch))
    parts = [batch.slice(start, end - start) for start, end in pairwise([0, *sorted(cuts), 30])]
    assert [bits for part in parts for bits in _bits(expression(part))] == whole
    order = random.Random(seed).sample(range(30), 30)  # noqa: S311  # nothing secret
    assert _bits(expression(batch.take(pa.array(order)))) == [whole[row] for row in order]


@pytest.mark.parametrize(
    "rule",
    [
        "timestamp(2013, i, plane.j, 2, 30, 'Europe/Berlin')",
        "parse_time(s, '%Y-%m-%d %H:%M', 'Europe/Berlin')",
        "dayofweek(seen, 'America/New_York')",
        "log1p(x)",
    ],
)
def test_no_row_has_a_part_in_another_with_clocks(rule):
    """The same for what the random rules leave out: zones, formats and the logarithm."""
    expression = compile_expression(rule, COLUMNS)
    batch = rows(5, 200).set_column(0, "i", pa.array([row % 15 for row in range(200)]))
    batch = batch.set_column(1, "plane__j", pa.array([row % 33 for row in range(200)]))
    texts = [f"2013-{row % 15:02}-{row % 33:02} 02:30" for row in range(200)]
    batch = batch.set_column(batch.schema.get_field_index("s"), "s", pa.array(texts))
    whole = expression(batch)
    assert whole.null_count < 200
    assert [bits for row in range(200) for bits in _bits(expression(batch.slice(row, 1)))] == _bits(whole)


@given(
    words=st.lists(
        st.one_of(
            st.sampled_from(["or", "and", "not", "between", "in", "is", "null", "matches", "true", "false"]),
            st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "(", ")", ",", "."]),
            st.sampled_from(["i", "x", "s", "seen", "plane.j", '"odd name"', "nope", "1", "2.5", "1e9", "'a'", "'('"]),
            st.sampled_from(["minutes(", "dayofweek(", "timestamp(", "parse_time(", "upper(", "'UTC'", "'%Y'"]),
            st.text(max_size=3),
        ),
        max_size=30,
    ),
    joint=st.sampled_from([" ", ""]),
)
@settings(max_examples=400, deadline=None)
def test_token_soup_is_refused_politely(words: list[str], joint: str):
    """Whatever the text, it compiles and evaluates, or is a RuleError with a position inside it or at its end."""
    text = joint.join(words)
    try:
        expression = compile_expression(text, COLUMNS)
    except RuleError as error:
        assert 0 <= error.column <= len(text) + 1  # noqa: PT017  # both ways out are fine
    else:
        assert len(expression(rows(0, 3))) == 3


def test_pandas_is_not_imported():
    """Pyarrow would import it for `pa.scalar` or `to_numpy`, and a cold start would take a second longer."""
    code = (
        "import sys, pyarrow as pa\n"
        "from headrace.rules import compile_expression, Type\n"
        "rows = pa.RecordBatch.from_arrays([pa.nulls(2, pa.string()), pa.nulls(2, pa.float64())], names=['s', 'x'])\n"
        "columns = {'s': Type('string'), 'x': Type('double')}\n"
        "time = \"parse_time(s, '%d %b %Y %I:%M %p', 'Europe/Berlin') - minutes(x) > '2013-01-01'\"\n"
        "more = \"dayofweek(timestamp(x, 1, 1, 0, 0, 'UTC'), 'UTC') in (1, 2) or coalesce(x, 0) / 2 = round(x)\"\n"
        "[compile_expression(rule, columns)(rows) for rule in (time, more)]\n"
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _bits(values: pa.Array) -> list[object]:
    """The values, doubles by their bits; null is null whatever lies beneath."""
    return (values.view(pa.int64()) if values.type == pa.float64() else values.cast(_plain(values.type))).to_pylist()


def _plain(type_: pa.DataType) -> pa.DataType:
    return pa.int64() if pa.types.is_timestamp(type_) or pa.types.is_duration(type_) else type_
