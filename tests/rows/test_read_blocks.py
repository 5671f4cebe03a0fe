"""Compressed files are read as blocks of whole rows that tile them, in bounded memory, or refused by name."""

import gzip
import re

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from rows.built import data_set, outcome, refusal

from headrace.failures import DataFailure
from headrace.lake.accounts import prove_tiling
from headrace.rows.block import OPEN_END, Origin
from headrace.rows.check import Checker
from headrace.rows.cut import cut
from headrace.rows.read_blocks import read_blocks

PACK = {"gz": gzip.compress, "zst": zstandard.compress}
COLUMNS = {"a": "string", "b": "string"}
TWO = data_set(COLUMNS, source={"line": {"max_bytes": 16}})
SPANNING = data_set(COLUMNS, source={"line": {"max_bytes": 16}, "multiline": True})


@pytest.fixture
def deliver(tmp_path):
    """Write a file; returns its path."""

    def write(content, name="x.csv"):
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    return write


def blocks(path, data=TWO, target=1_000_000):
    """All blocks of a file."""
    plan = cut(path, data, target)
    return [
        block
        for span in plan.ranges
        for block in read_blocks(
            path, "x" + path[path.rfind(".") :], *span, data.source, header=plan.header, target=target
        )
    ]


def read(path, data, target):
    """What becomes of a file, apart from its name."""
    checker = Checker(data)
    found = outcome([checker.split(block) for block in blocks(path, data, target)])
    for row in (*found.accepted, *found.quarantined):
        del row["_file"]
    return found


_line = st.one_of(
    st.sampled_from([b"a,b", b'"a","b"', b'a,"b', b'c",d', b"x" * 17, b"y" * 40, b"", b"z" * 60 + b"\r", b"\r"]),
    st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")),
)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(_line, st.sampled_from([b"\n", b"\r\n"])).map(b"".join), max_size=12),
    st.booleans(),
    st.integers(1, 80),
    st.sampled_from(sorted(PACK)),
    st.sampled_from([TWO, SPANNING]),
)
def test_a_compressed_file_reads_as_the_plain_one(tmp_path_factory, lines, ended, target, kind, data):
    """Rows, quarantine, offsets and counts are those of the file before it was compressed, for blocks of any size."""
    content = b"a,b\n" + (b"".join(lines) if ended else b"".join(lines).removesuffix(b"\n"))
    folder = tmp_path_factory.mktemp("packed")
    (folder / "x.csv").write_bytes(content)
    (folder / f"x.csv.{kind}").write_bytes(PACK[kind](content))
    assert read(f"{folder}/x.csv.{kind}", data, target) == read(f"{folder}/x.csv", data, 1_000_000)


@pytest.mark.parametrize("kind", PACK)
def test_the_blocks_tile_the_file_to_its_open_end(deliver, kind):
    """What was planned reaches as far as the file does; a block that is lost, the last one too, leaves a gap."""
    path = deliver(PACK[kind](b"a,b\n" + b"1,2\n" * 50), f"x.csv.{kind}")
    planned = [Origin(f"x.{kind}", *span) for span in cut(path, TWO).ranges]
    assert planned == [(f"x.{kind}", 4, OPEN_END)]
    found = [block.origin for block in blocks(path, target=40)]
    prove_tiling(planned, found)
    assert len(found) == 5 + 1
    for lost in range(len(found)):
        with pytest.raises(DataFailure, match="do not tile"):
            prove_tiling(planned, found[:lost] + found[lost + 1 :])
    with pytest.raises(DataFailure, match="arrived twice"):
        prove_tiling(planned, [*found, Origin(f"x.{kind}", 204, OPEN_END)])


@pytest.mark.parametrize("kind", PACK)
def test_members_one_after_the_other_are_one_content(deliver, kind):
    """As `cat a.gz b.gz` makes them, and tools that compress in parallel."""
    path = deliver(PACK[kind](b"a,b\n1,") + PACK[kind](b"2\n3,4\n"), f"x.csv.{kind}")
    assert b"".join(block.data for block in blocks(path)) == b"1,2\n3,4\n"


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize(
    "damage", [lambda packed: packed[:-6], lambda packed: packed + b"more", lambda packed: packed[:60]]
)
def test_what_is_no_whole_archive_is_refused_by_name(deliver, kind, damage):
    """A file that ends too early or goes on with something else is an error, never fewer rows."""
    lines = b"".join(b"%d,%x\n" % (n, n**9) for n in range(9000))
    path = deliver(damage(PACK[kind](b"a,b\n" + lines)), f"x.csv.{kind}")
    assert re.search(f"x.csv.{kind}: no whole (gzip|zstd) file", refusal(path, TWO))


@pytest.mark.parametrize("kind", PACK)
def test_a_bomb_is_refused_by_name(deliver, kind):
    """More than 100 bytes for each of the file's own, behind the first 10 MB, is no delivery."""
    path = deliver(PACK[kind](b"a,b\n" + b"\n" * 40_000_000), f"x.csv.{kind}")
    assert re.search(f"x.csv.{kind}: .* unpacks to more than 100 times its size", refusal(path, TWO))
    kept = data_set(COLUMNS, source={"unpacked": {"max_ratio": 100_000}})
    assert sum(len(block.data) for block in blocks(path, kept)) == 40_000_000


def test_a_content_that_is_too_large_is_refused_by_name(deliver):
    """The limit is on what comes out, so it holds for bombs of any kind."""
    path = deliver(gzip.compress(b"a,b\n" + b"1,2\n" * 100), "x.csv.gz")
    small = data_set(COLUMNS, source={"unpacked": {"max_bytes": "200b"}})
    assert "more than 200 bytes come out of this gzip file" in refusal(path, small)


def test_the_source_may_say_how_files_are_compressed(deliver):
    """Whatever their names are; `none` reads a file as it is."""
    packed = gzip.compress(b"a,b\n1,2\n")
    data = data_set(COLUMNS, source={"compression": "gzip"})
    assert b"".join(block.data for block in blocks(deliver(packed), data)) == b"1,2\n"
    plain = data_set(COLUMNS, source={"compression": "none"})
    assert b"".join(block.data for block in blocks(deliver(b"a,b\n1,2\n", "x.csv.gz"), plain)) == b"1,2\n"


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (gzip.compress(b"a,b\n"), "x.csv", "name it ….gz or say source.compression: gzip"),
        (zstandard.compress(b"a,b\n"), "x.csv", "name it ….zst or say source.compression: zstd"),
        (gzip.compress(gzip.compress(b"a,b\n")), "x.csv.gz", "pack no archive into another"),
        (gzip.compress(b""), "x.csv.gz", "the file is empty"),
        (b"a,b\n1,2\n", "x.csv.gz", "no gzip file, as it does not begin as one"),
        (gzip.compress(b"a,c\n"), "x.csv.gz", "`b` is missing"),
    ],
)
def test_what_does_not_fit_is_refused_before_a_plan_is_sealed(deliver, content, name, told):
    """The opening of a compressed file is looked at as that of a plain one."""
    with pytest.raises(DataFailure) as refused:
        cut(deliver(content, name), TWO)
    assert told in str(refused.value)


def test_progress_counts_the_bytes_of_the_file_itself(deliver):
    """Its share of a plan's bytes is told before anybody knows how many come out."""
    packed = gzip.compress(b"a,b\n" + b"".join(b"%d,%x\n" % (n, n**5) for n in range(30_000)))
    assert sum(block.work for block in blocks(deliver(packed, "x.csv.gz"), target=5000)) == len(packed)
