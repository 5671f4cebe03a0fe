"""Lines that no parser may see are found, each with every reason."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rows.line_faults import line_faults
from headrace.rows.lines import Lines
from headrace.spec.data_set import Source

CSV = Source(format="csv", path="", line={"max_bytes": 16})
JSON = Source(format="jsonl", path="")


def faults(data, source=CSV):
    """Reason → lines."""
    return {reason: at.tolist() for reason, at in line_faults(Lines.of(data), source)}


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", {}),
        (b"a\nb", {}),
        (b"a\r\nb\r\n", {}),
        (b"a\n\0\nb\0\n", {"line.nul": [1, 2]}),
        (b"a\rb\nc\r\r\nd\ne\r", {"line.cr": [0, 1, 3]}),
        (b"\xc3\xa9\n\xe9\n\xed\xa0\x80\n", {"line.utf8": [1, 2]}),
        (b"a\n\n\r\nb\n\n", {"line.blank": [1, 2, 4]}),
        (b"x" * 16 + b"\n" + b"x" * 17, {"line.too_long": [1]}),
        (b"\xff\0\r\n\n", {"line.nul": [0], "line.utf8": [0], "line.blank": [1]}),
        (b'"\0\xff\r.............\n', {"line.too_long": [0]}),
    ],
)
def test_each_fault_is_found(data, found):
    """NUL, a CR inside, bytes that are no UTF-8, nothing at all, too much; too long says it all."""
    assert faults(data) == found


@pytest.mark.parametrize(
    ("line", "well"),
    [
        ('"a","b"', True),
        ('"a""b",c', True),
        ('"",""', True),
        ('"""",x', True),
        ('a,"b,c"', True),
        ('"a"\r', True),
        ('"a', False),
        ('a"', False),
        ('a"b"', False),
        ('"a"b', False),
        ('"a" ,b', False),
        (' "a"', False),
        ('"a"""b', False),
        ('""a""', False),
    ],
)
def test_quotes_enclose_whole_fields(line, well):
    """RFC 4180 to the letter, since what is lax here would be read in one of several ways."""
    assert faults(f"x\n{line}\nx\n".encode()) == ({} if well else {"line.quote": [1]})


def test_an_unclosed_quote_is_the_fault_of_its_own_line():
    """The lines after it stay what they are."""
    assert faults(b'a\n"b\nc"\nd\n') == {"line.quote": [1, 2]}


def test_quotes_may_be_ordinary_characters():
    """With an empty `quote` nothing is quoted, so nothing is misquoted."""
    assert faults(b'5" pipe\n', Source(format="csv", path="", quote="")) == {}


def test_json_is_not_asked_for_quotes_but_for_escaped_nul():
    """An escaped NUL is one; an escaped backslash before `u0000` makes it plain text."""
    assert faults(rb'{"a":"\u0000"}' + b"\n" + rb'{"a":"\\u0000"}' + b"\n" + rb'{"a":"\\\u0000"}', JSON) == {
        "line.nul": [0, 2]
    }


_FIELD = r'(?:"(?:[^"]|"")*"|[^",]*)'


@given(st.lists(st.text('a,"', max_size=12), min_size=1, max_size=6))
def test_quotes_are_judged_as_the_grammar_of_rfc_4180_does(lines):
    """A line is misquoted exactly when it does not match the grammar, whatever lines stand around it."""
    found = faults("\n".join(lines).encode(), Source(format="csv", path="")).get("line.quote", [])
    expected = [n for n, line in enumerate(lines) if not re.fullmatch(f"{_FIELD}(?:,{_FIELD})*", line)]
    assert found == expected
