"""The quarantined rows that are shown depend on the rows, not on the layout, and are safe to show."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.lake.snapshot import DataFile
from headrace.report.quarantined import examples, printable
from headrace.rows.check import QUARANTINE_SCHEMA

FEW, MANY = ["line.fields"], ["price.min", "day.required"]
ROWS = [("b.csv", n, MANY) for n in range(0, 60, 2)] + [("a.csv", 7, FEW), ("b.csv", 1, None), ("b.csv", 3, FEW)]


def table_of(rows):
    def row(file, offset, reasons):
        raw = f"{file}:{offset}".encode()
        return {
            "_file": file,
            "_offset": offset,
            "raw": raw,
            "length": len(raw),
            "replayable": True,
            "reasons": reasons,
        }

    return pa.Table.from_pylist([row(*r) for r in rows], schema=QUARANTINE_SCHEMA)


def files_of(folder, rows, cut, group):
    """Two data files, cut at a row, with row groups of a length."""
    files = []
    for n, part in enumerate((rows[:cut], rows[cut:])):
        path = str(folder / f"{cut}-{group}-{n}.parquet")
        pq.write_table(table_of(part), path, row_group_size=group)
        files.append(DataFile(path, path, len(part), 0, {}, {}, {}))
    return files


@pytest.mark.parametrize(("rows", "cut", "group"), [(ROWS, 20, 100), (ROWS[::-1], 2, 3), (ROWS[5:] + ROWS[:5], 33, 1)])
def test_the_first_of_each_kind_and_then_the_next(tmp_path, rows, cut, group):
    """Kinds by how common they are, filled up by file and offset; another layout gives the same."""
    found = examples(files_of(tmp_path, rows, cut, group), most=5)

    assert [(e.file, e.offset) for e in found] == [("a.csv", 7), ("b.csv", 0), ("b.csv", 1), ("b.csv", 2), ("b.csv", 3)]
    assert [e.text for e in found] == ["a.csv:7", "b.csv:0", "b.csv:1", "b.csv:2", "b.csv:3"]
    assert [e.reasons for e in found] == [tuple(FEW), tuple(MANY), (), tuple(MANY), tuple(FEW)]


def test_common_kinds_come_before_rare_ones(tmp_path):
    """Where there is room for one, it is of the commonest kind."""
    assert [e.reasons for e in examples(files_of(tmp_path, ROWS, 5, 7), most=1)] == [tuple(MANY)]


def test_a_row_far_into_a_row_group_is_found(tmp_path):
    """Raw bytes are read batch by batch, up to the row itself."""
    rows = [("a.csv", 1_000 - n, FEW) for n in range(500)]

    assert [e.text for e in examples(files_of(tmp_path, rows, 499, 1_000), most=1)] == ["a.csv:501"]


def test_no_quarantined_rows_no_examples():
    """An empty table is nothing to show, and no error."""
    assert examples([]) == ()


@pytest.mark.parametrize(
    "raw", [b"\x00\x1b[31m\x7f", "\u202eabc\u2066".encode(), b"\xff\xc3", b"a\nb\r", "\ud7ff\u2028".encode()]
)
def test_nothing_that_steers_a_reader_or_terminal_survives(raw):
    """Control characters, marks that turn the reading direction and broken UTF-8 are spelt out."""
    assert printable(raw).isprintable()


@pytest.mark.parametrize("raw", [b"x" * 3_000_000, "é".encode() * 500_000, b"\xff" * 64_000])
def test_a_huge_line_is_cut(raw):
    """A line of megabytes becomes a line of the page, and says that it was cut."""
    shown = printable(raw, 50)

    assert len(shown) == 51
    assert shown.endswith("…")
