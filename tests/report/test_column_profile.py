"""A profile is exact, whatever stands in the columns and however the table is laid out."""

import datetime as dt
import decimal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.lake.snapshot import DataFile
from headrace.report import column_profile
from headrace.report.column_profile import BINS, ColumnProfile, profile

NAN, INF = float("nan"), float("inf")
ODD = pa.table(
    {
        "plain": pa.array([1.5, -2.0, 0.0, 7.25, 3.0, None]),
        "holes": pa.array([NAN, INF, -INF, None, 0.1, 0.2]),
        "wide": pa.array([1.7e308, -1.7e308, 5e-324, -0.0, 0.0, 1.0]),
        "near": pa.array([2**53, 2**53 + 1, None, None, None, None], pa.int64()),
        "least": pa.array([-(2**63), 2**63 - 1, 0, 1, -1, None], pa.int64()),
        "small": pa.array([0.1, 0.2, NAN, None, 0.3, 0.1], pa.float32()),
        "same": pa.array([4.0] * 6),
        "empty": pa.array([None] * 6, pa.float64()),
        "yes": pa.array([True, False, True, None, True, True]),
        "money": pa.array(
            [decimal.Decimal("1.10"), None, *map(decimal.Decimal, ["2", "3", "4", "5"])], pa.decimal128(9, 2)
        ),
        "day": pa.array([dt.date(2013, 1, 1), dt.date(1969, 12, 31), None, *[dt.date(2014, 2, 3)] * 3]),
        "at": pa.array([0, 1, None, 3, 4, 1_356_998_400_000_001], pa.timestamp("us", tz="UTC")),
        "word": pa.array(["b", "a", "", None, "a", "é\x00"]),
        "void": pa.array([None] * 6, pa.string()),
        "list": pa.array([[1], [], None, [2], [3], [4]]),
        "a.b": pa.array([1, 2, 3, 4, 5, 6]),
        "a": pa.array([6, 5, 4, 3, 2, None]),
    }
)
MEASURED = ["plain", "holes", "wide", "near", "least", "small", "same", "yes", "money", "a.b", "a"]


def files_of(folder, table, cuts, group):
    """The table as data files of the given lengths, with row groups of the given length."""
    files, start = [], 0
    for n, length in enumerate(cuts):
        path = str(folder / f"{n}.parquet")
        pq.write_table(table.slice(start, length), path, row_group_size=group)
        files.append(DataFile(path, path, length, 0, {}, {}, {}))
        start += length
    return tuple(files)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Profiles by column, of two files with uneven row groups."""
    files = files_of(tmp_path_factory.mktemp("table"), ODD, (4, 2), 3)  # row groups of 3, 1 and 2 rows
    return {p.name: p for p in profile(files, ODD.schema)}


@pytest.mark.parametrize("name", MEASURED)
def test_numbers_are_those_of_polars(found, name):
    """Count, missing, bounds and mean agree with another engine that knows the same values."""
    present = pl.from_arrow(ODD)[name].cast(pl.Float64)
    present = present.filter(present.is_finite())
    p = found[name]

    assert (p.rows, p.missing) == (6, 6 - len(present))
    assert (float(p.low), float(p.high)) == (present.min(), present.max())
    assert p.mean == pytest.approx(present.mean(), rel=1e-15, abs=1e-16)
    assert sum(p.histogram) == len(present)


def test_bounds_of_whole_numbers_are_not_rounded(found):
    """2^53 + 1 and the ends of int64 survive, which float64 would lose."""
    assert (found["near"].low, found["near"].high) == (2**53, 2**53 + 1)
    assert (found["least"].low, found["least"].high) == (-(2**63), 2**63 - 1)


def test_histograms_count_bins_of_equal_width(found):
    """Each value falls where a direct computation puts it; one value alone is one bin."""
    values = [v for v in ODD.column("plain").to_pylist() if v is not None]
    expected = [0] * BINS
    for v in values:
        expected[min(int((v + 2.0) / 9.25 * BINS), BINS - 1)] += 1

    assert list(found["plain"].histogram) == expected
    assert found["same"].histogram == (6,)
    assert found["wide"].histogram[0] == found["wide"].histogram[-1] == 1


def test_times_are_told_as_iso_text(found):
    """Dates before 1970 and single microseconds are kept; a mean of times is not made up."""
    assert (found["day"].low, found["day"].high, found["day"].mean) == ("1969-12-31", "2014-02-03", None)
    assert (found["at"].low, found["at"].high) == ("1970-01-01T00:00:00.000000Z", "2013-01-01T00:00:00.000001Z")


def test_text_is_counted_by_value(found):
    """The empty string is a value, null is none; equal counts go by the text."""
    assert found["word"] == ColumnProfile("word", "string", 6, 1, distinct=4, most_frequent="a", histogram=(2, 1, 1, 1))
    assert found["void"] == ColumnProfile("void", "string", 6, 6, distinct=0)


def test_what_cannot_be_measured_is_counted(found):
    """Of lists, and of columns without a value, only rows and missing are told."""
    assert found["list"] == ColumnProfile("list", str(ODD.schema.field("list").type), 6, 1)
    assert found["empty"] == ColumnProfile("empty", "double", 6, 6)


@pytest.mark.parametrize(("cuts", "group"), [((6,), 6), ((1, 5), 2), ((1, 1, 1, 1, 1, 1), 1)])
def test_the_layout_changes_nothing(found, tmp_path, cuts, group):
    """The same rows in other files and row groups have the same profile, bit for bit."""
    assert {p.name: p for p in profile(files_of(tmp_path, ODD, cuts, group), ODD.schema)} == found


def test_columns_that_a_file_lacks(tmp_path):
    """A partition's value comes from the log; a column that was added later is missing in older files."""
    (file,) = files_of(tmp_path, ODD.select(["plain"]), (6,), 6)
    schema = pa.schema([ODD.schema.field("plain"), ("window", pa.string()), ("later", pa.float64())])
    _, window, later = profile([file._replace(partition={"window": "train"})], schema)

    assert (window.rows, window.missing, window.most_frequent) == (6, 0, "train")
    assert (later.rows, later.missing) == (6, 6)


def test_many_values_of_text_are_not_held(tmp_path, monkeypatch):
    """Above the cap only `more than` is said, also where later rows repeat."""
    monkeypatch.setattr(column_profile, "MOST_DISTINCT", 3)
    files = files_of(tmp_path, pa.table({"word": ["a", "b", "c", "d", "a", "a"]}), (6,), 2)
    (word,) = profile(files, pa.schema([("word", pa.string())]))

    assert (word.rows, word.missing, word.distinct, word.most_frequent, word.histogram) == (6, 0, None, None, ())


def test_a_table_without_rows_has_a_profile():
    """Every column is there, and no share of nothing is computed."""
    found = profile([], ODD.schema)

    assert [p.name for p in found] == ODD.schema.names
    assert {(p.rows, p.missing, p.missing_share, p.histogram) for p in found} == {(0, 0, None, ())}
