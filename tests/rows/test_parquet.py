"""Parquet files of unknown origin: their rows mean what the same rows in CSV mean, or the file is refused by name."""

import datetime as dt
import json
import math
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows.built import check, data_set, outcome, reasons, rows

from headrace.failures import DataFailure
from headrace.rows.block import Origin, RawBlock
from headrace.rows.check import Checker
from headrace.rows.cut import cut
from headrace.rows.damaged import without
from headrace.rows.read_blocks import read_blocks

UTC = dt.UTC
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)


def parquet(columns, **sections):
    """A data set of Parquet files."""
    source = {"format": "parquet", **sections.pop("source", {})}
    return data_set(columns, source=source, **sections)


def typed_block(batch, header=None, start=0):
    """A block of rows with types."""
    names = tuple(header or batch.schema.names)
    return RawBlock(Origin("x.parquet", start, start + batch.num_rows), b"", None, names, 0, rows=batch)


def value_of(column, array, **source):
    """What a column makes of cells: the values, `type` where a cell has none."""
    data = parquet({"a": column}, source=source)
    checked = Checker(data).split(typed_block(pa.record_batch({"a": array})))
    assert all(found == ["a.type"] for found in reasons(checked))
    good = dict(zip(checked.accepted.column("_offset").to_pylist(), rows(checked, "a"), strict=True))
    return [good.get(n, "type") for n in range(len(array))]


T = dt.datetime(2013, 1, 1, 10, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "array", "expected"),
    [
        ("int", pa.array([1, -2, None], pa.int8()), [1, -2, None]),
        ("int", pa.array([2**64 - 1, 7], pa.uint64()), ["type", 7]),
        ("int", pa.array([5.0, 0.5, math.nan, 2.0**63, None]), [5, "type", "type", "type", None]),
        ("int", pa.array(["7", "x", ""]), [7, "type", None]),
        ("int", pa.array([Decimal("5.00"), Decimal("5.50")]), [5, "type"]),
        ("int", pa.array([True]), ["type"]),
        ("double", pa.array([1, 2**53 + 1]), [1.0, 2.0**53]),
        ("double", pa.array([0.5, math.inf, math.nan, None]), [0.5, "type", "type", None]),
        ("double", pa.array([0.5], pa.float32()), [0.5]),
        ("double", pa.array([Decimal("0.10")]), [0.1]),
        ("double", pa.array(["1e400", "1.5"]).dictionary_encode(), ["type", 1.5]),
        ("decimal(5,2)", pa.array([0.1, 0.125, 1e6]), [Decimal("0.10"), "type", "type"]),
        ("decimal(5,2)", pa.array([Decimal("1.5"), Decimal("1000.0")]), [Decimal("1.50"), "type"]),
        ("bool", pa.array([True, None]), [True, None]),
        ("bool", pa.array([1, 2]), [True, "type"]),
        ("string", pa.array(["a", "", None], pa.large_string()), ["a", None, None]),
        ("string", pa.array([b"a", b""], pa.binary()), ["a", None]),
        ("string", pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        ("string", pa.array(["a"], pa.string_view()), ["a"]),
        ("string", pa.array([b"ab", None], pa.binary(2)), ["ab", None]),
        ("string", pa.array([12, None]), ["12", None]),
        ("date", pa.array([dt.date(2016, 2, 29), None]), [dt.date(2016, 2, 29), None]),
        ("date", pa.array([-800_000], pa.int32()).view(pa.date32()), ["type"]),
        ("date", pa.array([dt.date(2016, 2, 29)], pa.date64()), [dt.date(2016, 2, 29)]),
        ("date", pa.array(["2016-02-29", "2015-02-29"]), [dt.date(2016, 2, 29), "type"]),
        ("date", pa.array([T], pa.timestamp("us", "UTC")), ["type"]),
        ("timestamp", pa.array([T, None], pa.timestamp("us", "UTC")), [T, None]),
        (
            "timestamp",
            pa.array([T.replace(microsecond=0)], pa.timestamp("s", "Asia/Tokyo")),
            [T.replace(microsecond=0)],
        ),
        (
            "timestamp",
            pa.array([2**62, 0]).view(pa.timestamp("s", "UTC")),
            ["type", dt.datetime(1970, 1, 1, tzinfo=UTC)],
        ),
        ("timestamp", pa.array([-1, 1999]).view(pa.timestamp("ns", "UTC")), [-1, 1]),
        ("timestamp", pa.array(["2013-01-01T10:00:00.123456Z"]), [T]),
        ({"type": "timestamp", "epoch": "ms"}, pa.array([1500, None]), [1_500_000, None]),
        ({"type": "timestamp", "zone": "Europe/Berlin"}, pa.array([3_600_000]).view(pa.timestamp("ms")), [0]),
        ({"type": "timestamp", "zone": "Europe/Berlin"}, pa.array([dt.date(1970, 1, 2)]), [82_800_000_000]),
    ],
)
def test_a_cell_means_what_its_text_would_mean(column, array, expected):
    """Whatever type it comes with; what a column's type does not hold exactly is `type`, never rounded."""
    times = (column if isinstance(column, str) else column["type"]) == "timestamp"
    micros = [EPOCH + dt.timedelta(microseconds=x) if times and isinstance(x, int) else x for x in expected]
    assert value_of(column, array) == micros


def test_spelled_nulls_and_white_space_are_those_of_text():
    """`nulls` and `trim` hold for cells of text; NaN can be a spelling of null, as some tools write it."""
    assert value_of("string", pa.array([" NA", " x "]), nulls=["NA"], trim=True) == [None, "x"]
    assert value_of("double", pa.array([math.nan, 1.0]), nulls=["nan"]) == [None, 1.0]


def test_text_that_no_line_may_hold_is_no_cell_either():
    """NUL, bytes that are no UTF-8 and too much of it have the reasons of lines; two halves make no character."""
    data = parquet({"a": "string", "b": "string"}, source={"line": {"max_bytes": 16}})
    a = pa.array([b"x", b"\xc3", b"\xa9", b"a\0", b"x" * 10, None], pa.binary()).view(pa.string())
    b = pa.array(["y", "y", "y", "\0", "y" * 7, "y"])
    checked = Checker(data).split(typed_block(pa.record_batch({"a": a, "b": b})))
    assert checked.accepted.column("_offset").to_pylist() == [0, 5]
    assert reasons(checked) == [["line.utf8"], ["line.utf8"], ["line.nul"], ["line.too_long"]]


def test_a_quarantined_row_is_kept_as_json():
    """Under the names that the file has, and what is longer than a row may be is cut as a line is."""
    data = parquet({"a": "int", "t": "timestamp"}, source={"rename": {"A": "a"}, "line": {"max_bytes": 60}})
    cells = {"A": pa.array(["x", "y" * 70]), "t": pa.array([T, T], pa.timestamp("us", "UTC"))}
    checked = Checker(data).split(typed_block(pa.record_batch(cells), ("a", "t"), 5))
    first, second = checked.quarantined.to_pylist()
    assert json.loads(first["raw"]) == {"A": "x", "t": "2013-01-01 10:00:00.123456Z"}
    assert (first["_offset"], first["replayable"], first["reasons"]) == (5, True, ["a.type"])
    assert (second["replayable"], second["reasons"], len(second["digest"])) == (False, ["line.too_long"], 64)


COLUMNS = {
    "n": {"type": "int", "max": "5"},
    "x": "double",
    "s": {"type": "string", "regex": "^[^Z]*$"},
    "t": {"type": "timestamp"},
}
_row = st.fixed_dictionaries(
    {
        "n": st.none() | st.integers(-9, 9),
        "x": st.none() | st.floats(width=32),
        "s": st.none() | st.sampled_from(["a", "Z", "é", "a\0", "x" * 30]),
        "t": st.none() | st.integers(-(10**15), 10**15).map(lambda micros: EPOCH + dt.timedelta(microseconds=micros)),
    }
)
SCHEMA = pa.schema([("n", pa.int16()), ("x", pa.float64()), ("s", pa.string()), ("t", pa.timestamp("us", "UTC"))])
CONTRACT = {"rules": {"r": "n < 4 or s is null"}, "derive": {"d": "n / x"}, "clean": {"s": "lower(s)"}}


@settings(max_examples=60, deadline=None)
@given(st.lists(_row, min_size=1, max_size=12), st.integers(1, 5), st.integers(1, 400))
def test_any_cut_gives_the_same_rows(tmp_path_factory, written, group, target):
    """Law 2: row groups, ranges and blocks of any size give the same rows, quarantine and counts."""
    data = parquet(COLUMNS, source={"line": {"max_bytes": 20}}, **CONTRACT)
    path = str(tmp_path_factory.mktemp("cut") / "x.parquet")
    table = pa.Table.from_pylist(written, SCHEMA)
    pq.write_table(table, path, row_group_size=group)
    checker = Checker(data)
    plan = cut(path, data, target)
    assert [start for start, _ in plan.ranges] == [0, *(end for _, end in plan.ranges[:-1])]
    assert plan.ranges[-1][1] == len(written)
    blocks = [
        block
        for span in plan.ranges
        for block in read_blocks(path, "x.parquet", *span, data.source, header=plan.header, target=target)
    ]
    whole = checker.split(typed_block(table.combine_chunks().to_batches()[0]))
    assert outcome([checker.split(block) for block in blocks]) == outcome([whole])


@settings(max_examples=60, deadline=None)
@given(st.lists(_row, min_size=1, max_size=12))
def test_rows_are_those_of_the_same_csv(written):
    """The same rows, written as text, are accepted and quarantined alike, with the same values and reasons."""
    written = [{**row, "s": row["s"] and row["s"].replace("\0", "")} for row in written]
    batch = pa.RecordBatch.from_pylist(written, SCHEMA)
    typed = Checker(parquet(COLUMNS, **CONTRACT)).split(typed_block(batch))
    lines = "".join(
        ",".join(
            "" if v is None else v.isoformat() if isinstance(v, dt.datetime) else str(v) for v in map(row.get, COLUMNS)
        )
        + "\n"
        for row in written
    )
    text = check(data_set(COLUMNS, **CONTRACT), lines)
    names = typed.accepted.schema.names[:-2]
    assert typed.accepted.select(names).equals(text.accepted.select(names))
    assert reasons(typed) == reasons(text)


@pytest.fixture
def deliver(tmp_path):
    """Write a table; returns the file's path."""

    def write(table, **options):
        path = str(tmp_path / "x.parquet")
        pq.write_table(table, path, **options)
        return path

    return write


def test_fields_are_found_by_name(deliver):
    """In any order, renamed, and past those that are ignored, nested ones included."""
    table = pa.table({"skip": [{"a": 9}], "B": ["x"], "a": [1]})
    data = parquet({"a": "int", "b": "string"}, source={"rename": {"B": "b"}, "ignore": ["skip"]})
    path = deliver(table)
    plan = cut(path, data)
    assert plan.header == ("", "b", "a")
    (block,) = read_blocks(path, "x", *plan.ranges[0], data.source, header=plan.header)
    assert Checker(data).split(block).accepted.select(["a", "b"]).to_pylist() == [{"a": 1, "b": "x"}]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (pa.table({"a": [1], "t": [T]}), "not declared: t"),
        (pa.table({"A": [1]}), "`a` is missing (did you mean `A`?)"),
        (pa.table({"a": [[1]], "at": pa.array([T], pa.timestamp("us", "UTC"))}), "`a` holds list<"),
        (
            pa.table({"a": [1], "at": pa.array([0]).view(pa.timestamp("us"))}),
            "`at` holds local times; state their `zone`",
        ),
        (pa.table({"a": [1], "at": [dt.date(2013, 1, 1)]}), "`at` holds days; state the `zone`"),
        (pa.table({"a": pa.array([1], pa.duration("s")), "at": pa.array([T])}), None),
    ],
)
def test_columns_that_do_not_fit_are_refused(deliver, table, told):
    """What would make every row of a file fail is told before a plan is sealed."""
    columns = {"a": "int", "at": "timestamp"} if "at" in table.schema.names else {"a": "int"}
    path = deliver(table)
    if told is None:  # a duration has a text, which is a number
        assert value_of("int", table["a"].chunk(0)) == [1]
        return
    with pytest.raises(DataFailure) as refused:
        cut(path, parquet(columns))
    assert told in str(refused.value)
    assert path in str(refused.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"a,b\n1,2\n", "it does not begin as one"),
        (b"PAR1" + b"\0" * 40 + b"PARE", "an encrypted Parquet file"),
        (b"PAR1" + b"\xff\xff\xff\x7fPAR1", "its footer says that it is 2,147,483,647 bytes long"),
        (b"PAR1" + b"\x15" * 40 + (40).to_bytes(4, "little") + b"PAR1", "no whole Parquet file"),
    ],
)
def test_what_is_no_parquet_file_is_refused(tmp_path, content, told):
    """Without holding more of it than its last bytes."""
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    with pytest.raises(DataFailure, match=told):
        cut(str(path), parquet({"a": "int"}))


def test_a_flipped_bit_is_found_by_the_checksum_of_its_page(deliver):
    """Files that have checksums are never read in silence with other values than were written."""
    path = deliver(
        pa.table({"a": list(range(1000))}), write_page_checksum=True, use_dictionary=False, compression="none"
    )
    content = bytearray(Path(path).read_bytes())
    at = content.index((500).to_bytes(8, "little"))
    content[at] ^= 1
    Path(path).write_bytes(content)
    data = parquet({"a": "int"})
    (block,) = read_blocks(path, "x", 0, 1000, data.source, header=("a",))
    assert (block.origin, block.refused.reason) == (Origin("x", 0, 1000), "row_group.damaged")
    assert "no whole Parquet file" in block.refused.why


def test_a_damaged_row_group_is_refused_alone(deliver):
    """The others of its range are read, once it is known."""
    path = deliver(
        pa.table({"a": list(range(1000))}),
        write_page_checksum=True,
        use_dictionary=False,
        compression="none",
        row_group_size=100,
    )
    content = bytearray(Path(path).read_bytes())
    content[content.index((550).to_bytes(8, "little"))] ^= 1
    Path(path).write_bytes(content)
    data = parquet({"a": "int"})
    plan = cut(path, data)
    assert plan.ranges == ((0, 1000),)
    (found,) = (b.refused for b in read_blocks(path, "x", 0, 1000, data.source, header=("a",)) if b.refused)
    assert (found.start, found.end, found.reason) == (500, 600, "row_group.damaged")
    left = without(plan.ranges, [found])
    blocks = [b for span in left for b in read_blocks(path, "x", *span, data.source, header=("a",))]
    assert [n for b in blocks for n in b.rows.column("a").to_pylist()] == [*range(500), *range(600, 1000)]
