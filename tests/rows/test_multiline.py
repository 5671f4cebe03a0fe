"""Cells that span lines: which lines are one row, and that it does not matter where the file is cut."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows.built import block, check, data_set, outcome, reasons, rows

from headrace.rows.check import Checker
from headrace.rows.cut import cut, read_range
from headrace.rows.lines import Lines
from headrace.rows.rows_of_lines import row_starts, rows_of_lines

COLUMNS = {"a": "string", "b": "string"}


def several(max_bytes=60, **source):
    """A data set of two columns, whose cells may span lines."""
    return data_set(COLUMNS, source={"multiline": True, "line": {"max_bytes": max_bytes}, **source})


def one_by_one(text, max_bytes):
    """The rows of a text as the rule says, found character by character."""
    lines = text.splitlines(keepends=True)
    found, row, inside = [], [], False
    for line in lines:
        if row and len("".join((*row, line)).removesuffix("\n")) > max_bytes:
            found.append("".join(row))
            row, inside = [], False
        row.append(line)
        inside = _inside_after(line, inside=inside)
        if not inside:
            found.append("".join(row))
            row = []
    return [*found, "".join(row)] if row else found


def _inside_after(line, *, inside):
    before, text = ",", line.removesuffix("\n")
    for at, character in enumerate(text):
        if character == '"':
            following = text[at + 1 : at + 2] or ","
            if following not in ',"' if inside else before not in ',"':
                return False
            inside = not inside
        before = character
    return inside


@settings(max_examples=400, deadline=None)
@given(st.text('a,"\n', max_size=60), st.integers(1, 70))
def test_rows_are_found_as_character_by_character(text, max_bytes):
    """All at once gives the rows that a walk through the characters gives, broken and endless ones included."""
    lines = Lines.of(text.encode())
    found = rows_of_lines(lines, row_starts(lines, '"', ",", max_bytes).first)
    assert [text[s:e] for s, e in zip(found.bounds[:-1], found.bounds[1:], strict=True)] == one_by_one(text, max_bytes)


def test_many_lines_are_looked_at_in_steps():
    """What is open at the end of one megabyte is open at the beginning of the next."""
    text = b'"' + b"x\n" * 1_500_000 + b'"\nb\n'
    lines = Lines.of(text)
    assert len(rows_of_lines(lines, row_starts(lines, '"', ",", 10**8).first)) == 2


_cell = st.text('a,"\n\u00e9', max_size=8).map(lambda cell: cell.replace("\n", "\r\n") if "a" in cell else cell)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_cell, _cell), min_size=1, max_size=9), st.sampled_from(["\n", "\r\n"]), st.integers(1, 60))
def test_well_written_rows_read_as_they_were_written(tmp_path_factory, written, ending, target):
    """Whatever Python's csv module writes is read back cell by cell, whatever the range it lies in."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator=ending).writerows([("a", "b"), *written])
    path = tmp_path_factory.mktemp("cut") / "x.csv"
    path.write_bytes(text.getvalue().encode())
    data = several(1000, nulls=[])
    parts = _read(path, data, target)
    assert [row for part in parts for row in rows(part, "a", "b")] == written
    assert not sum(part.quarantined.num_rows for part in parts)


def _read(path, data, target):
    checker, plan = Checker(data), cut(str(path), data, target)
    return [
        checker.split(read_range(str(path), "x", *span, data.source, header=plan.header, target=target))
        for span in plan.ranges
    ]


_line = st.one_of(
    st.sampled_from(['a,"b', 'c",d', '"a","b"', "a,b", '""', 'a"b,c', "", '"', "x" * 70, '"' + "y" * 70, '","', "\r"]),
    st.text('a,"\r', max_size=12),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_line, min_size=1, max_size=14), st.booleans(), st.integers(1, 90))
def test_any_cut_gives_the_same_rows(tmp_path_factory, lines, ended, target):
    """Law 2 for rows of several lines: ranges of any size give the same rows, quarantine and counts."""
    path = tmp_path_factory.mktemp("cut") / "x.csv"
    path.write_bytes(("a,b\n" + "\n".join(lines) + "\n" * ended).encode())
    plan = cut(str(path), several(), target)
    assert [start for start, _ in plan.ranges] == [4, *(end for _, end in plan.ranges[:-1])][: len(plan.ranges)]
    assert outcome(_read(path, several(), target)) == outcome(_read(path, several(), 1_000_000))


def test_a_row_is_where_its_first_line_is():
    """`_offset` is the byte at which the row begins, and quarantine keeps all its lines."""
    checked = check(several(), b'a,"b\nb"\nc,d\ne,"f\n\nf",g\n')
    assert rows(checked, "a", "b", "_offset") == [("a", "b\nb", 0), ("c", "d", 8)]
    assert checked.quarantined.select(["_offset", "raw"]).to_pylist() == [{"_offset": 12, "raw": b'e,"f\n\nf",g'}]
    assert reasons(checked) == [["line.fields"]]


def test_a_cell_may_hold_line_ends_of_windows_but_no_bare_return():
    """CR LF inside a cell is text; a CR alone would end a line for some readers."""
    checked = check(several(), b'a,"b\r\nb"\r\nc,"d\rd"\r\n')
    assert rows(checked, "a", "b") == [("a", "b\r\nb")]
    assert reasons(checked) == [["line.cr"]]


def test_a_quote_that_stays_open_takes_no_more_than_a_row_may_have():
    """Of an unclosed cell the lines that fit `max_bytes` are one quarantined row, whole; then rows go on."""
    checked = check(several(16), b'a,"bbbb\nc,d\ne,f\ng,h\n')
    assert rows(checked, "a") == ["g"]
    assert checked.quarantined.column("raw").to_pylist() == [b'a,"bbbb\nc,d\ne,f']
    assert reasons(checked) == [["line.quote"]]
    assert checked.quarantined.column("replayable").to_pylist() == [True]


@pytest.mark.parametrize("line", [b'1,5" pipe', b'1,"he said "hi" to', b'1,"x"y'])
def test_a_quote_that_cannot_stand_there_costs_its_own_row_only(line):
    """A misplaced quote opens no cell, so the rows after it stay what they are."""
    checked = check(several(), line + b'\nc,"d"\n')
    assert rows(checked, "a") == ["c"]
    assert reasons(checked) == [["line.quote"]]


def test_without_multiline_a_line_is_a_row():
    """The setting is asked for, since no file tells by itself that it needs it."""
    assert reasons(check(data_set(COLUMNS), b'a,"b\nb"\n')) == [["line.quote"], ["line.quote"]]


def test_a_block_without_quotes_is_not_looked_through():
    """Its lines are its rows."""
    checker = Checker(several())
    assert checker.split(block(b"a,b\nc,d\n", ("a", "b"))).counts.accepted == 2
