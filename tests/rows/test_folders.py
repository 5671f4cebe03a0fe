"""Columns that are folders of the path."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rows.built import block, data_set, reasons, rows

from headrace.failures import DataFailure
from headrace.rows.block import Origin
from headrace.rows.check import Checker
from headrace.rows.cut import cut
from headrace.rows.read_blocks import read_blocks

DAY = {"type": "date", "min": "2024-01-01"}


def by_day(format_="csv", **source):
    """A data set whose first column is a folder."""
    return data_set({"day": DAY, "a": "int"}, source={"format": format_, "folders": "day", **source})


def read(path, data):
    """What becomes of a file."""
    plan = cut(path, data)
    (raw,) = read_blocks(path, path, *plan.ranges[0], data.source, header=plan.header)
    return Checker(data).split(raw)


@pytest.mark.parametrize("format_", ["csv", "jsonl", "parquet"])
def test_the_folder_is_the_text_of_the_cell(tmp_path, format_):
    """In every format it is read as a cell is: into the column's type, in the table's order."""
    folder = tmp_path / "day=2024-01-05"
    folder.mkdir()
    path = folder / "x"
    if format_ == "parquet":
        pq.write_table(pa.table({"a": [1, 2]}), path)
    else:
        path.write_text("a\n1\n2\n" if format_ == "csv" else '{"a": 1}\n{"a": 2, "day": "1999-01-01"}\n')
    found = read(str(path), by_day(format_))
    assert [(str(day), a) for day, a in rows(found, "day", "a")] == [("2024-01-05", 1), ("2024-01-05", 2)]


@pytest.mark.parametrize(
    ("folder", "reason"),
    [("day=yesterday", "day.type"), ("day=2023-12-31", "day.min"), ("day=2023%2d12%2D31", "day.min")],
)
def test_a_folder_that_breaks_the_contract_quarantines_its_rows(folder, reason):
    """Each row of the file, as if the cell stood in it."""
    raw = block(b"1\n2\n", ("a",))
    found = Checker(by_day()).split(raw._replace(origin=Origin(f"raw/{folder}/x.csv", 0, 4)))
    assert reasons(found) == [[reason], [reason]]


def test_the_null_of_hive_is_null():
    """As are the spellings of null that the source names."""
    checker = Checker(by_day(nulls=["", "none"]))
    for folder in ("__HIVE_DEFAULT_PARTITION__", "none"):
        raw = block(b"1\n", ("a",))._replace(origin=Origin(f"raw/day={folder}/x.csv", 0, 2))
        assert rows(checker.split(raw), "day") == [None]


@pytest.mark.parametrize(
    ("folder", "told"),
    [("2024", "no folder day="), ("day=1/day=2", "2 folders day="), ("day=%ff", "is no UTF-8 when its % are read")],
)
def test_a_path_without_the_folder_is_refused(tmp_path, folder, told):
    """Before a plan is sealed, by name."""
    path = tmp_path / folder / "x.csv"
    path.parent.mkdir(parents=True)
    path.write_text("a\n1\n")
    with pytest.raises(DataFailure, match=told):
        cut(str(path), by_day())


def test_a_column_of_the_folders_must_not_stand_in_the_file_too(tmp_path):
    """Which of the two should count nobody could tell; one is to be ignored."""
    path = tmp_path / "day=2024-01-05" / "x.csv"
    path.parent.mkdir()
    path.write_text("day,a\n2024-01-06,1\n")
    with pytest.raises(DataFailure, match="`day` stands there, and source"):
        cut(str(path), by_day())
    assert str(rows(read(str(path), by_day(ignore=["day"])), "day")[0]) == "2024-01-05"
