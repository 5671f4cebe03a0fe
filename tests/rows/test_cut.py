"""Files are cut at line ends, checked against the contract, and read in bounded memory."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows.built import data_set, outcome, reasons

from headrace.failures import DataFailure
from headrace.rows.block import HEAD_BYTES
from headrace.rows.check import Checker
from headrace.rows.cut import cut, read_range

TWO = data_set({"a": "int", "b": "string"})


@pytest.fixture
def deliver(tmp_path):
    """Write a file; returns its path."""

    def write(content):
        path = tmp_path / "x.csv"
        path.write_bytes(content)
        return str(path)

    return write


def test_ranges_tile_the_rows_and_end_at_line_ends(deliver):
    """Every range begins where the one before it ended, and each ends right after a newline."""
    content = b"a,b\n" + b"".join(b"%d,%s\n" % (n, b"x" * (n % 7)) for n in range(200))
    plan = cut(deliver(content), TWO, target=64)
    assert plan.header == ("a", "b")
    assert plan.data_start == 4
    assert [start for start, _ in plan.ranges] == [4, *(end for _, end in plan.ranges[:-1])]
    assert plan.ranges[-1][1] == len(content)
    assert all(content[end - 1 : end] == b"\n" and end - start > 64 for start, end in plan.ranges[:-1])


def test_the_last_line_needs_no_end(deliver):
    """A file that does not end with a newline is read to its end."""
    path = deliver(b"a,b\n1,x\n2,y")
    assert cut(path, TWO).ranges == ((4, 11),)


def test_a_header_without_rows_is_no_range(deliver):
    """A file of a header alone has zero rows, which is fine."""
    assert cut(deliver(b"a,b\n"), TWO).ranges == ()
    assert cut(deliver(b"a,b"), TWO).ranges == ()


def test_a_byte_order_mark_belongs_to_no_range(deliver):
    """UTF-8's mark is skipped before a header, before rows without a header, and before JSON."""
    bom = b"\xef\xbb\xbf"
    assert cut(deliver(bom + b"a,b\n1,x\n"), TWO).data_start == 7
    assert cut(deliver(bom + b"1,x\n"), data_set({"a": "int"}, source={"header": ["a"]})).data_start == 3
    assert cut(deliver(bom + b"{}\n"), data_set({"a": "int"}, source={"format": "jsonl"})).data_start == 3


def test_fields_come_in_the_order_of_the_file(deliver):
    """The header may name the columns in any order, quoted or not, renamed, and with some to ignore."""
    data = data_set({"a": "int", "b": "string"}, source={"rename": {"B b": "b"}, "ignore": ["c", "d"]})
    path = deliver(b'c,"B b",a\n9,x,1\n')
    plan = cut(path, data)
    assert plan.header == ("", "b", "a")
    checked = Checker(data).split(read_range(path, "x", *plan.ranges[0], data.source, header=plan.header))
    assert checked.accepted.select(["a", "b"]).to_pylist() == [{"a": 1, "b": "x"}]


def test_a_nameless_field_is_called_by_its_place(deliver):
    """The index column that pandas and R write can be ignored or declared."""
    assert cut(deliver(b",a,b\n0,1,x\n"), data_set({"a": "int"}, source={"ignore": ["column_1", "b"]})).header == (
        "",
        "a",
        "",
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty; remove it"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"\xff\xfea\0,\0b\0\n\0", "UTF-16; convert it to UTF-8"),
        (b"\x1f\x8b\x08\0abc", "compressed with gzip; name it ….gz"),
        (b"PAR1xyz", "a Parquet file"),
        (b"a,b\xff\n", "the first line is no CSV header"),
        (b'a,"b\n', "the first line is no CSV header"),
        (b"a" * 1_000_001, "no line ends within the first 1000000 bytes"),
        (b"a,a,b\n", "`a` stands there 2 times"),
        (b"a\n", "`b` is missing; mend the file, or map the name it has there in source.rename"),
        (b"a,B\n", "`b` is missing (did you mean `B`?)"),
        (b"a;b\n", "the header looks delimited by ';', and source.delimiter is ','"),
        (b"b\ta\tother\n", "the header looks delimited by '\\t'"),
        (b"a,b,extra,more\n", "not declared: extra, more; give each a line in contract.columns"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(deliver, content, told):
    """What is wrong, in which file, and what to do about it."""
    path = deliver(content)
    with pytest.raises(DataFailure) as failure:
        cut(path, TWO)
    assert told in str(failure.value)
    assert str(failure.value).startswith(path)


def test_a_header_that_does_not_fit_is_told_at_once(deliver):
    """Everything that is wrong with a header stands in one message."""
    data = data_set({"a": "int", "b": "string"}, source={"rename": {"bee": "b"}})
    with pytest.raises(DataFailure) as failure:
        cut(deliver(b"a,a,z\n"), data)
    told = str(failure.value)
    assert "`a` stands there 2 times" in told
    assert "`b` is missing: source.rename makes it of `bee`, which is not there" in told
    assert "not declared: z;" in told


def test_a_range_that_is_gone_is_told(deliver):
    """A file that became shorter since it was planned is refused, not read in part."""
    path = deliver(b"a,b\n1,x\n")
    with pytest.raises(DataFailure, match="shorter than when it was planned"):
        read_range(path, "x", 4, 99, TWO.source, header=("a", "b"))


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""])
def test_a_line_too_long_to_hold_leaves_head_length_and_digest(deliver, ending):
    """Of a 3 MB field only 64 kB are kept, with the length and digest of the whole line, whatever its end."""
    data = data_set({"a": "int", "b": "string"}, source={"line": {"max_bytes": 100_000}})
    long = b"2," + b"x" * 3_000_000
    path = deliver(b"a,b\n1,y\n" + long + ending + (b"3,z\n" if ending else b""))
    plan = cut(path, data, target=1000)
    assert len(plan.ranges) == (2 if ending else 1)
    raws = [read_range(path, "x", *span, data.source, header=plan.header, target=1000) for span in plan.ranges]
    assert raws[0].data == b"1,y\n"
    assert raws[0].tail == (8, long[:HEAD_BYTES], len(long), hashlib.sha256(long).hexdigest())
    checked = Checker(data).split(raws[0])
    assert checked.counts.read == 2
    assert reasons(checked) == [["line.too_long"]]
    assert checked.quarantined.column("replayable").to_pylist() == [False]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.binary(max_size=60).filter(lambda line: b"\n" not in line), min_size=1),
    st.integers(1, 80),
    st.booleans(),
)
def test_any_cut_gives_the_same(tmp_path_factory, lines, target, ended):
    """Planned with any target and read range by range, a file's rows, quarantine and counts are the same."""
    data = data_set({"a": "string", "b": "string"}, source={"header": ["a", "b"], "line": {"max_bytes": 16}})
    path = tmp_path_factory.mktemp("cut") / "x.csv"
    path.write_bytes(b"a,b\n" + b"\n".join(lines) + b"\n" * ended)
    checker = Checker(data)

    def read(target):
        plan = cut(str(path), data, target)
        return outcome(
            [
                checker.split(read_range(str(path), "x", *span, data.source, header=plan.header, target=target))
                for span in plan.ranges
            ]
        )

    assert read(target) == read(1_000_000)
