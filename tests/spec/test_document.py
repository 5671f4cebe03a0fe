"""YAML as project files use it: nothing guessed, every line known, every trap refused."""

import pytest

from headrace.spec.document import MAX_BYTES, MAX_DEPTH, MAX_FAULTS, line_of, read_document
from headrace.spec.faults import SpecError


def faults(source):
    """What is wrong with a source, as lines; those that stop the reading and those that do not."""
    try:
        return [str(fault) for fault in read_document(source, "a.yaml").faults]
    except SpecError as error:
        return str(error).splitlines()


def test_scalars_stay_text():
    """No scalar becomes a number, a date, a time or a truth value."""
    text = "a: on\nb: NO\nc: 12:30\nd: 0x10\ne: 1e3\nf: 2013-01-01\ng: null\nh: ~\ni: 1_000\n"
    assert read_document(text, "a.yaml").values == {
        "a": "on",
        "b": "NO",
        "c": "12:30",
        "d": "0x10",
        "e": "1e3",
        "f": "2013-01-01",
        "g": "null",
        "h": "~",
        "i": "1_000",
    }


def test_empty_text_and_nothing_differ():
    """A quoted empty text is a text; a key with nothing behind it has no value, and that is a fault."""
    document = read_document("nulls: ['']\nmin:\n", "a.yaml")
    assert document.values == {"nulls": [""], "min": None}
    assert list(map(str, document.faults)) == ["a.yaml:2: min: has no value; write one, or delete the line"]


def test_block_styles_lose_the_line_end_they_add():
    """An expression or pattern in block style is the text that was meant, without a newline at its end."""
    document = read_document('a: |\n  "dep time" > 1\nb: >\n  x\n  and y\n', "a.yaml")
    assert document.values == {"a": '"dep time" > 1', "b": "x and y"}


def test_every_key_and_item_has_its_line():
    """Lines are those of keys and list items, also behind comments, in flow style and over several lines."""
    document = read_document("# why\na:\n  - x\n  - {b: 1,\n     c: [2,\n       3]}\nd: |\n  y\ne: z\n", "a.yaml")
    expected = {
        "": 2, "a": 2, "a.0": 3, "a.1": 4, "a.1.b": 4, "a.1.c": 5, "a.1.c.0": 5, "a.1.c.1": 6, "d": 7, "e": 9,
    }  # fmt: skip
    assert expected == document.lines
    assert line_of(document.lines, "a.1.c.7.unknown") == 5
    assert line_of(document.lines, "unknown") == 2


def test_a_byte_order_mark_is_no_part_of_the_file():
    """Some editors begin a file with U+FEFF; the first key is the same."""
    assert read_document("\ufeffa: ä".encode(), "a.yaml").values == {"a": "ä"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", ["a.yaml:1: the file is empty"]),
        ("# nothing\n", ["a.yaml:2: the file is empty"]),
        ("- a\n", ["a.yaml:1: expected `key: value` lines"]),
        ("just text", ["a.yaml:1: expected `key: value` lines"]),
        ("a: 1\n---\nb: 2\n", ["a.yaml:2: a second document begins here (---); one file holds one"]),
        ("%YAML 1.1\n---\na: 1\n", ["a.yaml:2: %YAML and %TAG lines are not allowed; delete them"]),
        ("%TAG ! tag:x,2000:\n---\na: 1\n", ["a.yaml:2: %YAML and %TAG lines are not allowed; delete them"]),
        (b"a: 1\nb: \xff\n", ["a.yaml:2: byte 0xff is no UTF-8; save the file as UTF-8"]),
        ("a: 1\nb: \x07\n", ["a.yaml:2: character U+0007 is not allowed in YAML; delete it"]),
        ("a: 1\nb: 2\na: 3\n", ["a.yaml:3: a: stands twice, first in line 1; keep one"]),
        ("a: {b: 1, b: 2}\n", ["a.yaml:1: a.b: stands twice, first in line 1; keep one"]),
        ("a: &x 1\n", ["a.yaml:1: a: &x is an anchor, which is not allowed; delete it, or quote the value"]),
        ("a: *x\n", ["a.yaml:1: a: *x is an alias, which is not allowed; write the value out, or quote it"]),
        ("a: *.csv\n", ["a.yaml:1: a: *.csv is an alias, which is not allowed; write the value out, or quote it"]),
        ("a: !!int 3\n", ["a.yaml:1: a: a tag (!) is not allowed; delete it, or quote the value"]),
        ("a: !python/object:os.system {}\n", ["a.yaml:1: a: a tag (!) is not allowed; delete it, or quote the value"]),
        ("? [a]\n: 1\n", ["a.yaml:1: a key is missing or is no text"]),
        ('a: "\\0"\n', ["a.yaml:1: a: contains a NUL or half a surrogate pair, which no text may"]),
        ('a: "\\ud800"\n', ["a.yaml:1: a: contains a NUL or half a surrogate pair, which no text may"]),
    ],
)
def test_what_is_no_part_of_a_project_file_is_refused(source, expected):
    """Each is told by its line and what to do; none of it reaches a model."""
    assert expected == faults(source)


@pytest.mark.parametrize(
    ("source", "line", "cause"),
    [
        ("a: 1\nb: x: y\n", 2, "a second `: ` stands in one line; put a value with special characters in quotes"),
        ("a:\n\tb: 1\n", 2, "a tab; only spaces indent"),
        ("a: 'x\nb: 1\n", 1, "what begins here is not closed before the end of the file"),
        ("a: [x\nb: 1\n", 2, "expected ',' or ']', but got ':' (the bracket opens in line 1)"),
        ("a: [A-Z]+\n", 1, "the line goes on behind a closing quote or bracket; put a value"),
        ('a: "x" is null\n', 1, "the line goes on behind a closing quote or bracket; put a value"),
        ("a: {b: f(c, 'd')}\n", 1, "quote an expression or pattern that contains commas, quotes or brackets"),
        ("a: @x\n", 1, "found character '@' that cannot start any token; put a value"),
        ('a: "\\U00110000"\n', 1, "put a value with special characters in quotes"),
    ],
)
def test_broken_yaml_is_told_by_line_with_a_cure(source, line, cause):
    """The parser's own words are kept where they help, and the usual cause is named."""
    (fault,) = faults(source)
    assert fault.startswith(f"a.yaml:{line}: not valid YAML")
    assert cause in fault


@pytest.mark.parametrize(
    ("source", "values", "fault"),
    [
        (
            "k: {at: timestamp(1,2, f(3)), columns: [a, b]}",
            {"k": {"at": "timestamp(1, 2, f(3))", "columns": ["a", "b"]}},
            (
                "a.yaml:1: k.at: was cut at its comma; quote an expression or type that contains commas: "
                "'timestamp(1, 2, f(3))'"
            ),
        ),
        (
            "k: [x, f(a, b), y]",
            {"k": ["x", "f(a, b)", "y"]},
            "a.yaml:1: k.1: was cut at its comma; quote an expression or type that contains commas: 'f(a, b)'",
        ),
        (
            "k: {type: decimal(9,3), min: 0}",
            {"k": {"type": "decimal(9, 3)", "min": "0"}},
            "a.yaml:1: k.type: was cut at its comma; quote an expression or type that contains commas: 'decimal(9, 3)'",
        ),
    ],
)
def test_an_expression_that_yaml_cut_at_its_comma_is_put_together_again(source, values, fault):
    """The one fault is the missing quotes; what was meant is known, so nothing else is complained of."""
    document = read_document(source, "a.yaml")
    assert values == document.values
    assert [fault] == list(map(str, document.faults))


def test_brackets_that_yaml_did_not_cut_are_left_alone():
    """Unbalanced brackets alone are no sign: a pattern may have them."""
    document = read_document(r"k: {regex: '^\(', b: x), c: [f(, a]}", "a.yaml")
    assert document.values == {"k": {"regex": r"^\(", "b": "x)", "c": ["f(", "a"]}}
    assert document.faults == ()


def test_depth_is_limited():
    """A flow or block nest deeper than the limit is refused, long before it could exhaust the stack."""
    assert faults("a: " + "[" * (MAX_DEPTH - 1) + "x" + "]" * (MAX_DEPTH - 1)) == []
    too_deep = f"a.yaml:1: nested deeper than {MAX_DEPTH} levels"
    assert [too_deep] == faults("a: " + "[" * MAX_DEPTH + "x" + "]" * MAX_DEPTH)
    assert [too_deep] == faults("a: " + "[" * 100_000)
    assert [too_deep.replace(":1:", ":2:")] == faults("a:\n  " + "- " * 1_000)


def test_size_is_limited():
    """A file above the limit is refused before it is parsed."""
    assert faults("#" * (MAX_BYTES + 1)) == ["a.yaml: a project file may have at most 1,000,000 bytes"]


def test_an_alias_bomb_is_refused_at_its_first_anchor():
    """Nothing is expanded; each anchor and alias is a fault."""
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    found = faults(bomb)
    assert len(found) == 6
    assert all("anchor" in fault or "alias" in fault for fault in found)


def test_a_flood_of_faults_ends():
    """A file that is wrong everywhere is given up after so many faults."""
    found = faults("".join(f"k{n}:\n" for n in range(1000)))
    assert len(found) == MAX_FAULTS + 1
    assert "the rest was not read" in found[-1]
