"""JSON lines give the cells that CSV of the same values would give."""

import json
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rows.built import block, check, data_set, reasons, rows

from headrace.rows.check import Checker

JSON = {"format": "jsonl"}


def lines(*values):
    """JSON lines of these values; bytes are lines as they are."""
    return b"".join((v if isinstance(v, bytes) else json.dumps(v).encode()) + b"\n" for v in values)


def test_scalars_become_values_of_the_columns_type():
    """Numbers, truth values and strings alike; null and an absent key are null."""
    data = data_set({"n": "int", "x": "double", "b": "bool", "s": "string"}, source=JSON)
    checked = check(
        data,
        lines(
            {"n": 1, "x": 1.5, "b": True, "s": "é"},
            {"n": "2", "x": 3, "b": "FALSE", "s": 4.50},
            {"n": None, "s": False, "more": [1]},
            b'{"n": 3, "n": 4, "s": 1.50}',
        ),
    )
    assert rows(checked, "n", "x", "b", "s") == [
        (1, 1.5, True, "é"),
        (2, 3.0, False, "4.5"),
        (None, None, None, "false"),
        (4, None, None, "1.50"),
    ]


def test_large_integers_are_exact():
    """Beyond 2^53 every digit is kept, beyond 2^63 only a column that holds it takes it."""
    data = data_set({"n": "int", "s": "string", "d": "decimal(38,0)"}, source=JSON)
    big = (1 << 53) + 1
    checked = check(data, lines({"n": big, "s": big, "d": 10**30}, {"n": 10**30, "s": 10**30}))
    assert rows(checked, "n", "s", "d") == [(big, str(big), 10**30)]
    assert reasons(checked) == [["n.type"]]


def test_nested_values_are_found_by_path():
    """A missing step is null; a step that is no object makes the cell one of the wrong type."""
    data = data_set(
        {"city": {"type": "string", "path": "user.home.city"}, "a.b": "int", "id": {"type": "int", "path": "user.id"}},
        source=JSON,
    )
    checked = check(
        data,
        lines(
            {"user": {"home": {"city": "Bern"}, "id": 1}, "a.b": 7},
            {"user": {"home": None}},
            {"user": {"id": 2}},
            {},
            {"user": 5},
            {"user": {"home": ["Bern"], "id": 3}},
            {"user": {"home": {"city": {"name": "Bern"}}, "id": [4]}},
        ),
    )
    assert rows(checked, "city", "a.b", "id") == [
        ("Bern", 7, 1),
        (None, None, None),
        (None, None, 2),
        (None, None, None),
    ]
    assert reasons(checked) == [["city.type", "id.type"], ["city.type"], ["city.type", "id.type"]]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"null", "line.json"),
        (b"[]", "line.json"),
        (b"7", "line.json"),
        (b'{"n": 1}{"n": 2}', "line.json"),
        (b'{"n": 1,}', "line.json"),
        (b'{"n": NaN}', "line.json"),
        (b'{"n": "\\ud800"}', "line.json"),
        (b'{"n": ' + b"9" * 5000 + b"}", "line.json"),
        (b'{"n": ' + b"[" * 100 + b"]" * 100 + b"}", "line.json"),
        (b'{"n": ' + b"[" * 100_000, "line.json"),
        (b'\xef\xbb\xbf{"n": 1}', "line.json"),
        (b'{"n": "\\u0000"}', "line.nul"),
        (b"", "line.blank"),
    ],
)
def test_a_line_that_is_no_object_is_quarantined(line, reason):
    """Also one that would crash or exhaust a parser; the lines around it are read."""
    data = data_set({"n": "int"}, source=JSON)
    checked = check(data, lines({"n": 1}, line, {"n": 2}))
    assert rows(checked, "n") == [1, 2]
    assert reasons(checked) == [[reason]]
    assert checked.quarantined.column("raw").to_pylist() == [line]


def test_nesting_is_judged_alike_at_any_depth_of_the_stack():
    """The parser's own limit depends on its caller; ours, 64, does not, and brackets in strings do not count."""
    data = data_set({"n": "int"}, source=JSON)
    allowed = b'{"n": 1, "x": ' + b"[" * 63 + b'"' + b"[" * 500 + b'"' + b"]" * 63 + b"}\n"
    refused = b'{"n": 2, "x": ' + b"[" * 64 + b"]" * 64 + b"}\n"
    checker = Checker(data)

    def deep(levels):
        return checker.split(block(allowed + refused)) if levels == 0 else deep(levels - 1)

    for levels in (0, sys.getrecursionlimit() - 400):
        assert rows(deep(levels), "n") == [1]


def test_keys_may_hold_any_letter():
    """A key with a quote or backslash is found like any other."""
    data = data_set({"n": {"type": "int", "path": 'a"\\'}, "m": "int"}, source=JSON)
    assert rows(check(data, lines({'a"\\': 1, "m": 2})), "n", "m") == [(1, 2)]


def test_spellings_of_null_and_trim_hold_for_json_too():
    """A string that spells null is null, also after trimming."""
    data = data_set({"s": "string", "n": "int"}, source={**JSON, "nulls": ["", "NA", "-1"], "trim": True})
    assert rows(check(data, lines({"s": " NA ", "n": -1}, {"s": " x ", "n": " 5 "})), "s", "n") == [
        (None, None),
        ("x", 5),
    ]


SPLIT = [
    b'{"n": 1}',
    b'{"n": 2}{"n": 3}',  # two values in one line
    b'{"n": 4} {"n": 5}',
    b'{"n": [{}',  # together one value in two lines
    b"{}, 1]}",
    b'{"s": "}',
    b'{"}',
    b"{",
    b"}",
    b'{"n":',
    b"6}",
    b'{"n": 7} ',
    b' {"n": 8}',
    b'{"a": {"a": ' + b'{"a": [' * 40 + b"]}" * 40 + b"}}",
    b"{}",
]


@given(st.lists(st.sampled_from(SPLIT), max_size=12))
@example([b'{"n": 2}{"n": 3}', b'{"n": [1,', b"2]}"])
def test_a_line_is_read_as_if_it_stood_alone(given_lines):
    """Lines are decoded together; two values in one and one value in two must not make up for each other."""
    data = data_set({"n": "int"}, source=JSON)
    together = check(data, lines(*given_lines))
    apart = [check(data, lines(line)) for line in given_lines]
    assert rows(together, "n") == [row for one in apart for row in rows(one, "n")]
    assert reasons(together) == [reason for one in apart for reason in reasons(one)]
