"""Rows are cleaned, derived and checked in this order, and every reason of a bad row is named once."""

import hashlib
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from rows.built import block, check, data_set, reasons, rows

from headrace.failures import DataFailure
from headrace.rows.block import HEAD_BYTES, Counts, LongLine, Origin, RawBlock
from headrace.rows.check import QUARANTINE_SCHEMA, Checker


def test_a_good_row_has_its_values_and_its_origin():
    """Accepted rows carry the file and the offset of their line; the account closes."""
    data = data_set({"a": "int", "b": "string"})
    checked = Checker(data).split(block(b"1,x\n2,\n", ("a", "b"), start=100))
    assert checked.accepted.to_pylist() == [
        {"a": 1, "b": "x", "_file": "raw/x.csv", "_offset": 100},
        {"a": 2, "b": None, "_file": "raw/x.csv", "_offset": 104},
    ]
    assert checked.counts == Counts(Origin("raw/x.csv", 100, 107), 2, 2, 0, {})


def test_the_schema_is_declared_then_derived_then_origin():
    """Types are those of the contract and of the expressions."""
    data = data_set({"t": "timestamp", "p": "decimal(9,2)"}, derive={"late": "t + hours(1)", "big": "p > 5"})
    assert Checker(data).schema == pa.schema(
        [
            ("t", pa.timestamp("us", tz="UTC")),
            ("p", pa.decimal128(9, 2)),
            ("late", pa.timestamp("us", tz="UTC")),
            ("big", pa.bool_()),
            ("_file", pa.string()),
            ("_offset", pa.int64()),
        ]
    )
    assert check(data, "2013-01-01T00:00Z,1.5\n").accepted.schema == Checker(data).schema


def test_an_empty_block_has_no_rows():
    """Nothing in, nothing out, in the right schemas."""
    data = data_set({"a": "int"}, derive={"b": "a + 1"}, rules={"r": "a > 0"})
    checked = check(data, "")
    assert (checked.accepted.num_rows, checked.quarantined.num_rows, checked.counts.read) == (0, 0, 0)
    assert checked.accepted.schema == Checker(data).schema
    assert checked.quarantined.schema == QUARANTINE_SCHEMA


def test_every_limit_has_its_reason():
    """Each limit that a row breaks is named, in the order of the contract; null breaks none but `required`."""
    data = data_set(
        {
            "n": {"type": "int", "min": "0", "max": "9", "in": ["1", "2", "10"]},
            "s": {"type": "string", "required": True, "regex": "^[a-c]", "in": ["a", "b", "x"]},
            "p": {"type": "decimal(5,2)", "min": "0.5"},
            "t": {"type": "timestamp", "min": "2013-01-01T00:00:00Z", "max": "2013-12-31T00:00:00Z"},
        }
    )
    checked = check(
        data, "1,a,0.5,2013-06-01T00:00Z\n,b,,\n10,x,0.4,2014-01-01T00:00Z\n-1,,1,2012-01-01T00:00Z\n3,c,1,\n"
    )
    assert rows(checked, "n") == [1, None]
    assert reasons(checked) == [
        ["n.max", "s.pattern", "p.min", "t.max"],
        ["n.min", "n.in", "s.required", "t.min"],
        ["n.in", "s.in"],
    ]
    assert list(checked.counts.reasons.items()) == [
        ("n.min", 1),
        ("n.max", 1),
        ("n.in", 2),
        ("s.required", 1),
        ("s.in", 1),
        ("s.pattern", 1),
        ("p.min", 1),
        ("t.min", 1),
        ("t.max", 1),
    ]


def test_a_null_has_one_reason():
    """In the key it is that, else in time, else that it is required; derived columns count as well."""
    data = data_set(
        {
            "k": {"type": "int", "required": True},
            "t": {"type": "timestamp", "required": True},
            "r": {"type": "int", "required": True},
        },
        derive={"u": "t + hours(1)"},
        key=["k", "u"],
        time="t",
    )
    assert reasons(check(data, ",,\n")) == [["k.key", "t.time", "r.required", "u.key"]]


def test_a_rule_quarantines_false_and_passes_null():
    """As an SQL CHECK does."""
    data = data_set({"a": "int", "b": "int"}, rules={"order": "a < b", "positive": "a > 0"})
    checked = check(data, "1,2\n2,1\n,1\n-2,-3\n")
    assert rows(checked, "a") == [1, None]
    assert reasons(checked) == [["rule.order"], ["rule.order", "rule.positive"]]


def test_cells_are_cleaned_before_they_are_checked():
    """`clean` sees all cells as they were parsed; limits, key and rules see them cleaned."""
    data = data_set(
        {"a": {"type": "string", "in": ["X"]}, "b": {"type": "string", "required": True}},
        clean={"a": "upper(trim(a))", "b": "coalesce(b, a)"},
    )
    assert rows(check(data, " x ,\nx,y\n"), "a", "b") == [("X", " x "), ("X", "y")]


def test_a_cleaned_number_must_fit_its_column():
    """Arithmetic gives doubles; what an int or decimal column cannot hold is a fault of the row, never rounded."""
    data = data_set({"n": "int", "p": "decimal(6,2)", "x": "double"}, clean={"n": "n / 2", "p": "p * 0.1", "x": "n"})
    checked = check(data, "4,10.5,0\n5,1,7\n8,1.01,1\n6,,2\n")
    assert rows(checked, "n", "p", "x") == [(2, Decimal("1.05"), 4.0), (3, None, 6.0)]
    assert reasons(checked) == [["n.type"], ["p.type"]]


def test_derived_columns_build_on_each_other_and_are_checked():
    """They see cleaned cells and the derived columns before them."""
    data = data_set({"a": "int"}, clean={"a": "abs(a)"}, derive={"b": "a + 1", "c": "b + 1"}, rules={"small": "c < 10"})
    checked = check(data, "-1\n8\n")
    assert rows(checked, "a", "b", "c") == [(1, 2.0, 3.0)]
    assert reasons(checked) == [["rule.small"]]


def test_a_cell_that_does_not_parse_is_the_only_reason():
    """No limit, rule, clean or derive looks at it, nor at what would be made of it."""
    data = data_set(
        {"a": {"type": "int", "required": True, "min": "0"}, "b": {"type": "int", "min": "0"}, "c": "int"},
        clean={"b": "coalesce(b, a)", "c": "coalesce(c, 5)"},
        derive={"d": "a + 1", "e": "coalesce(d, 0)"},
        key=["a", "d"],
        rules={"has_a": "a is not null", "has_e": "e > 0", "b": "b < 5", "c": "c < 5"},
    )
    checked = check(data, "x,-1,1\n1,x,x\n1,-1,9\n")
    assert reasons(checked) == [["a.type"], ["b.type", "c.type"], ["b.min", "rule.c"]]


def test_two_bad_cells_are_two_reasons():
    """Each cell that does not parse is named; a reason counts its rows."""
    data = data_set({"a": "int", "b": "date", "c": "bool"})
    checked = check(data, "x,x,1\n1,2013-02-29,x\n")
    assert reasons(checked) == [["a.type", "b.type"], ["b.type", "c.type"]]
    assert checked.counts.reasons == {"a.type": 1, "b.type": 2, "c.type": 1}


def test_bad_lines_keep_their_bytes_and_place():
    """In the order of the file, with their offset and length, whatever was wrong with them."""
    data = data_set({"a": "int", "b": "string"})
    lines = [b"1,x", b"2", b"3,\xff", b"4,\0", b"", b'5,"y', b"x,y", b"6,a,b", b"7,z"]
    checked = check(data, b"\r\n".join(lines))
    assert rows(checked, "a") == [1, 7]
    bad = lines[1:-1]
    assert checked.quarantined.column("raw").to_pylist() == bad
    assert checked.quarantined.column("length").to_pylist() == list(map(len, bad))
    assert checked.quarantined.column("_offset").to_pylist() == [5, 8, 13, 18, 20, 26, 31]
    assert reasons(checked) == [
        ["line.fields"],
        ["line.utf8"],
        ["line.nul"],
        ["line.blank"],
        ["line.quote"],
        ["a.type"],
        ["line.fields"],
    ]
    assert checked.quarantined.column("replayable").to_pylist() == [True] * 7
    assert checked.quarantined.column("digest").null_count == 7


def test_a_long_line_is_kept_alike_in_a_block_and_behind_it():
    """Its head, length and digest say the same whether it was held in memory or not."""
    data = data_set({"a": "string"}, source={"line": {"max_bytes": 1000}})
    long = b"\xff" * 70_000
    held = Checker(data).split(block(b"x\n" + long + b"\n", ["a"]))
    tail = LongLine(2, long[:HEAD_BYTES], len(long), hashlib.sha256(long).hexdigest())
    apart = Checker(data).split(RawBlock(held.counts.origin, b"x\n", tail, ("a",)))
    assert apart == held
    assert held.quarantined.drop_columns(["raw"]).to_pylist() == [
        {
            "_file": "raw/x.csv",
            "_offset": 2,
            "length": 70_000,
            "digest": tail.digest,
            "replayable": False,
            "reasons": ["line.too_long"],
        }
    ]


def test_csv_as_it_is_out_there():
    """Another delimiter, quote and decimal mark, several spellings of null, spaces, and times by format."""
    data = data_set(
        {
            "id": "int",
            "price": "decimal(9,2)",
            "when": {"type": "timestamp", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"},
            "note": "string",
        },
        source={"delimiter": ";", "quote": "'", "decimal": ",", "nulls": ["", "-", "N/A"], "trim": True},
    )
    checked = check(data, "1; 1234,5 ;1.7.2013 14:00;'a; b'\n2;-;N/A;' '\n3;1.5;;\n")
    assert rows(checked, "id", "price", "when", "note") == [
        (1, Decimal("1234.50"), datetime(2013, 7, 1, 12, tzinfo=UTC), "a; b"),
        (2, None, None, None),
    ]
    assert reasons(checked) == [["price.type"]]


def test_a_null_is_a_null_quoted_or_not():
    """Spellings of null hold inside quotes too; any other text is itself."""
    data = data_set({"s": "string"}, source={"nulls": ["NA", ""]})
    assert rows(check(data, 'NA\n"NA"\n""\n"N""A"\nna\n'), "s") == [None, None, None, 'N"A', "na"]


def test_a_byte_order_mark_in_the_middle_is_data():
    """Only a file can begin with one; a block that happens to begin there keeps it."""
    data = data_set({"s": "string"})
    assert rows(check(data, "\ufeffa\n\ufeffb\n"), "s") == ["\ufeffa", "\ufeffb"]


def test_ignored_fields_may_hold_anything_but_a_bad_line():
    """They are counted as fields and read past."""
    data = data_set({"a": "int"}, source={"ignore": ["z"]})
    checked = Checker(data).split(block(b"x,1\n,2\n3\n", ("", "a")))
    assert rows(checked, "a") == [1, 2]
    assert reasons(checked) == [["line.fields"]]


def test_a_block_planned_for_another_contract_is_refused():
    """A column that was declared after the file was planned is not taken for absent."""
    data = data_set({"a": "int", "b": "int"})
    with pytest.raises(DataFailure, match="planned without the columns b"):
        Checker(data).split(block(b"1\n", ("a",)))
