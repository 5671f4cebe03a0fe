"""Rows of quarantine that are more than one plain line are checked again as the rows they were."""

import pyarrow as pa
import pytest
from rows.built import block, data_set

from headrace.rows.block import Origin, RawBlock
from headrace.rows.check import Checker
from headrace.rows.replayer import Replayer


def again(data, quarantined, header=()):
    """The accepted rows when quarantine is checked by another contract."""
    quarantined = quarantined.append_column("_plan", pa.repeat(pa.scalar(1, pa.int64()), quarantined.num_rows))
    headers = {(1, file): header for file in quarantined.column("_file").to_pylist()}
    done = Replayer(data)(quarantined, headers)
    assert done.read == quarantined.num_rows
    assert [quarantined.column("_offset")[at].as_py() for at in done.at.to_pylist()] == done.accepted.column(
        "_offset"
    ).to_pylist()
    return done.accepted


def lines(sections, **source):
    """A data set of one number and one text."""
    return data_set({"n": {"type": "int", **sections}, "s": "string"}, source=source)


def test_a_row_of_several_lines_is_one_row_again():
    """With its line ends, and a quote that stays open reaches into no other row."""
    header = ("n", "s")
    raw = block(b'9,"a\nb"\n8,"open\n6,d\n', header)
    strict = lines({"max": "5"}, multiline=True, line={"max_bytes": 16})
    later = block(b"7,e\n", header, start=40)
    parts = [Checker(strict).split(part).quarantined for part in (raw, later)]
    quarantined = pa.Table.from_batches(parts).combine_chunks().to_batches()[0]
    assert quarantined.column("raw").to_pylist() == [b'9,"a\nb"', b'8,"open\n6,d', b"7,e"]
    assert again(lines({}, multiline=True), quarantined, header).select(["n", "s"]).to_pylist() == [
        {"n": 9, "s": "a\nb"},
        {"n": 7, "s": "e"},
    ]


def test_a_row_of_several_lines_stays_where_lines_are_rows():
    """Without `multiline` it could only be read as something else than it is."""
    header = ("n", "s")
    quarantined = Checker(lines({"max": "5"}, multiline=True)).split(block(b'9,"a\nb"\n8,c\n', header)).quarantined
    assert again(lines({}), quarantined, header).column("n").to_pylist() == [8]


def test_rows_of_parquet_are_read_from_their_json():
    """By the names in the file, with the values that the typed cells had; bytes that are no UTF-8 stay out."""
    source = {"format": "parquet", "rename": {"N n": "n"}}
    texts = pa.array([b"a", b"\xff", b"b", b"c"], pa.binary()).view(pa.string())
    batch = pa.record_batch({"N n": [9.0, 9.0, 8.5, 2.0**60], "s": texts})
    raw = RawBlock(Origin("x", 40, 44), b"", None, ("n", "s"), 0, rows=batch)
    quarantined = Checker(lines({"max": "5"}, **source)).split(raw).quarantined
    assert quarantined.num_rows == 4
    found = again(lines({}, **source), quarantined)
    assert found.select(["n", "s", "_offset"]).to_pylist() == [{"n": 9, "s": "a", "_offset": 40}]


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_columns_of_folders_are_those_of_each_rows_own_path(format_):
    """Rows of several folders, replayed together, keep their own."""
    source = {"format": format_, "folders": "day"}
    parts = []
    for day in ("1", "2"):
        line = b"9\n" if format_ == "csv" else b'{"n": 9}\n'
        raw = block(line, ("n",) if format_ == "csv" else ())
        raw = raw._replace(origin=Origin(f"raw/day={day}/x", 0, len(line)))
        strict = data_set({"n": {"type": "int", "max": "5"}, "day": "int"}, source=source)
        parts.append(Checker(strict).split(raw).quarantined)
    quarantined = pa.Table.from_batches(parts).combine_chunks().to_batches()[0]
    found = again(data_set({"n": "int", "day": "int"}, source=source), quarantined, ("n",))
    assert sorted(zip(found.column("_file").to_pylist(), found.column("day").to_pylist(), strict=True)) == [
        ("raw/day=1/x", 1),
        ("raw/day=2/x", 2),
    ]
