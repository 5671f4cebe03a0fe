"""Every reason a row can have is explained in words."""

import pytest
from rows.built import data_set

from headrace.rows.explain import explain

DATA = data_set(
    {
        "n": {"type": "int", "required": True, "min": "0", "max": "9", "in": ["1"]},
        "s": {"type": "string", "regex": "^N"},
        "p": {"type": "decimal(5,2)"},
        "t": {"type": "timestamp"},
        "l": {"type": "timestamp", "zone": "Europe/Berlin"},
        "f": {"type": "timestamp", "format": "%d/%m/%Y", "zone": "UTC"},
        "e": {"type": "timestamp", "epoch": "s"},
        "a.b": "date",
    },
    derive={"d": "t + hours(1)"},
    key=["d"],
    time="t",
    rules={"small": "n < 5"},
)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("line.too_long", "the line is longer than 1000000 bytes; raise source.line.max_bytes to let it pass"),
        ("line.fields", "the line has more or fewer cells than the header"),
        ("n.type", "n is no whole number of 64 bits, written in digits alone"),
        ("n.required", "n is null, and required"),
        ("n.min", "n is less than 0"),
        ("n.max", "n is more than 9"),
        ("n.in", "n is none of 1"),
        ("s.pattern", "s does not match ^N"),
        ("s.type", "s is no text but an object or array"),
        ("p.type", "p is no number that decimal(5,2) holds exactly"),
        ("l.type", "l is no ISO 8601 time that clocks in Europe/Berlin show once"),
        ("f.type", "f is no timestamp written as %d/%m/%Y that clocks in UTC show once"),
        ("e.type", "e is no number of s since 1970, or beyond the year 9999"),
        ("a.b.type", "a.b is no day written as 2013-01-31"),
        ("d.key", "d is null, and part of the key"),
        ("t.time", "t is null, and the time of the row"),
        ("rule.small", "the rule small is false: n < 5"),
    ],
)
def test_reasons_are_explained(reason, words):
    """What is wrong is said with the limits of the contract; derived columns and odd names included."""
    assert explain(reason, DATA) == words


def test_a_time_without_offset_is_told_the_cure():
    """The most common slip with timestamps names the setting that cures it."""
    assert "state its `zone`" in explain("t.type", DATA)
