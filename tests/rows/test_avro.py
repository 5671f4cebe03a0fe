"""Avro files of unknown origin: their rows mean what the same rows in CSV mean, or the file is refused by name."""

import bz2
import datetime as dt
import io
import json
import lzma
import zlib
from decimal import Decimal

import fastavro
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from rows.built import data_set, outcome, reasons, refusal, rows

from headrace.rows.block import OPEN_END
from headrace.rows.check import Checker
from headrace.rows.cut import cut
from headrace.rows.read_blocks import read_blocks

UTC = dt.UTC
SYNC = bytes(range(16))
T = dt.datetime(2013, 1, 1, 10, 0, 0, 123000, tzinfo=UTC)


def avro(columns, **source):
    """A data set of Avro files."""
    return data_set(columns, source={"format": "avro", **source})


def record(*fields):
    """The schema of a row with these names and types."""
    return {"type": "record", "name": "row", "fields": [{"name": name, "type": kind} for name, kind in fields]}


def number(value):
    """A long as Avro writes it."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "long", value)
    return out.getvalue()


def container(schema, blocks, codec="null", pack=bytes):
    """A file of blocks: how many rows each says to have, and its bytes."""
    meta = {"avro.schema": json.dumps(schema).encode(), "avro.codec": codec.encode()}
    head = b"".join(number(len(k)) + k.encode() + number(len(v)) + v for k, v in meta.items())
    parts = [number(count) + number(len(pack(data))) + pack(data) + SYNC for count, data in blocks]
    return b"Obj\x01" + number(len(meta)) + head + b"\0" + SYNC + b"".join(parts)


def encoded(schema, written):
    """Rows as a block holds them."""
    out = io.BytesIO()
    for row in written:
        fastavro.schemaless_writer(out, fastavro.parse_schema(schema), row)
    return out.getvalue()


@pytest.fixture
def deliver(tmp_path):
    """Write a file; returns its path."""

    def write(content):
        path = tmp_path / "x.avro"
        path.write_bytes(content)
        return str(path)

    return write


def read(path, data, target=12_000_000):
    """What becomes of each block of a file."""
    checker, plan = Checker(data), cut(path, data, target)
    return [
        checker.split(block)
        for span in plan.ranges
        for block in read_blocks(path, path, *span, data.source, header=plan.header, target=target)
    ]


def value_of(deliver, column, kind, values):
    """What a column makes of cells: the values, `type` where a cell has none."""
    schema = record(("a", kind))
    content = container(schema, [(len(values), encoded(schema, [{"a": value} for value in values]))])
    (checked,) = read(deliver(content), avro({"a": column}))
    assert all(found == ["a.type"] for found in reasons(checked))
    good = dict(zip(checked.accepted.column("_offset").to_pylist(), rows(checked, "a"), strict=True))
    return [good.get(n, "type") for n in range(len(values))]


def logical(kind, name, **more):
    """A type with a logical one."""
    return {"type": kind, "logicalType": name, **more}


@pytest.mark.parametrize(
    ("column", "kind", "values", "expected"),
    [
        ("int", "long", [5, -(2**63)], [5, -(2**63)]),
        ("int", ["null", "int"], [None, 7], [None, 7]),
        ("int", "double", [5.0, 0.5], [5, "type"]),
        ("double", "float", [0.5], [0.5]),
        ("double", "double", [float("nan"), 1.5], ["type", 1.5]),
        ("bool", "boolean", [True], [True]),
        ("string", "string", ["a", ""], ["a", None]),
        ("string", {"type": "enum", "name": "e", "symbols": ["A", "B"]}, ["B"], ["B"]),
        ("string", ["null", {"type": "fixed", "name": "f", "size": 2}], [b"ab"], ["ab"]),
        ("date", logical("int", "date"), [dt.date(2016, 2, 29)], [dt.date(2016, 2, 29)]),
        ("timestamp", logical("long", "timestamp-millis"), [T], [T]),
        ("timestamp", [logical("long", "timestamp-micros"), "null"], [T, None], [T, None]),
        (
            {"type": "timestamp", "zone": "UTC"},
            logical("long", "local-timestamp-micros"),
            [T.replace(tzinfo=None)],
            [T],
        ),
        (
            "decimal(5,2)",
            logical("bytes", "decimal", precision=9, scale=3),
            [Decimal("1.500"), Decimal("0.125")],
            [Decimal("1.50"), "type"],
        ),
        ("timestamp", "string", ["2013-01-01T10:00:00.123Z"], [T]),
    ],
)
def test_a_cell_means_what_its_text_would_mean(deliver, column, kind, values, expected):
    """Whatever type it comes with, null or not; nothing is rounded."""
    assert value_of(deliver, column, kind, values) == expected


def test_an_odd_cell_is_the_fault_of_its_own_row(deliver):
    """A time beyond all years and bytes that are no UTF-8 stop no decoder, as they would in fastavro alone."""
    schema = record(("t", logical("long", "timestamp-millis")), ("s", "string"))
    raw = record(("t", "long"), ("s", "bytes"))
    data = encoded(raw, [{"t": 2**60, "s": b"x"}, {"t": 0, "s": b"\xff"}, {"t": 0, "s": b"y"}])
    (checked,) = read(deliver(container(schema, [(3, data)])), avro({"t": "timestamp", "s": "string"}))
    assert reasons(checked) == [["t.type"], ["line.utf8"]]
    assert rows(checked, "s") == ["y"]


def _snappy(data):
    return pa.Codec("snappy").compress(data, asbytes=True) + zlib.crc32(data).to_bytes(4, "big")


PACKED = {
    "null": bytes,
    "deflate": lambda data: zlib.compress(data)[2:-4],
    "snappy": _snappy,
    "zstandard": zstandard.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
SCHEMA = record(("n", "long"), ("skip", {"type": "map", "values": "string"}), ("s", ["null", "string"]))
DATA = avro({"n": {"type": "int", "max": "40"}, "s": "string"}, ignore=["skip"])
_rows = st.lists(
    st.fixed_dictionaries(
        {"n": st.integers(-9, 50), "skip": st.just({"k": "v"}), "s": st.none() | st.text(max_size=9)}
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=60, deadline=None)
@given(_rows, st.integers(1, 6), st.integers(1, 60), st.sampled_from(sorted(PACKED)))
def test_any_cut_gives_the_same_rows(tmp_path_factory, written, size, target, codec):
    """Law 2: blocks of the file, ranges and blocks of ours of any size give the same rows; so does any packing."""
    path = tmp_path_factory.mktemp("cut") / "x.avro"
    blocks = [written[at : at + size] for at in range(0, len(written), size)]
    path.write_bytes(container(SCHEMA, [(len(part), encoded(SCHEMA, part)) for part in blocks], codec, PACKED[codec]))
    cut_small = outcome(read(str(path), DATA, target))
    path.write_bytes(container(SCHEMA, [(len(written), encoded(SCHEMA, written))]))
    assert cut_small == outcome(read(str(path), DATA))
    assert cut_small.read == len(written)


def test_a_file_of_fastavro_is_read(deliver):
    """As other tools write them: namespaces, defaults, documentation, many blocks."""
    schema = {
        **record(("n", {"type": "long", "doc": "how many"}), ("skip", {"type": "map", "values": "string"})),
        "namespace": "a.b",
    }
    schema["fields"].append({"name": "s", "type": ["null", "string"], "default": None})
    out = io.BytesIO()
    written = [{"n": n % 40, "skip": {}, "s": f"text {n}"} for n in range(3000)]
    fastavro.writer(out, schema, written, codec="deflate", sync_interval=1000)
    found = [row for part in read(deliver(out.getvalue()), DATA, 500) for row in rows(part, "n", "s", "_offset")]
    assert found == [(row["n"], row["s"], at) for at, row in enumerate(written)]


DOUBLING = [
    {
        "type": "record",
        "name": f"r{n}",
        "fields": [{"name": side, "type": f"r{n - 1}" if n else "null"} for side in "ab"],
    }
    for n in range(31)
]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"a,b\n", "no Avro file: it does not begin as one"),
        (b"Obj\x01\x02", "its header is none"),
        (container("long", []), "its rows are no records"),
        (
            container(record(("a", {"type": "array", "items": "null"}), ("n", "long")), []),
            "six bytes can mean millions",
        ),
        (container(record(("n", "null")), []), "its rows may take no bytes"),
        (container(record(("n", "long"), ("a", ["null", "row"])), []), "its schema is recursive: row holds itself"),
        (container(record(("n", "other")), []), "its schema names other"),
        (container(record(("n", "long"), *((f"d{n}", kind) for n, kind in enumerate(DOUBLING))), []), "may have"),
        (container(record(("n", {"type": "array", "items": "long"})), []), "`n` holds struct"),
        (container(record(("n", "long")), [], "lzo"), "its blocks are packed with lzo; known: null, deflate"),
        (container(record(("n", "long")), [(1, b"\x02")])[:-1], "a block is not whole at byte"),
        (container(record(("n", "long")), [(2**40, b"\x02")]), "fewer bytes than its rows must have"),
        (container(record(("n", "long")), [(3, b"\x80\x80\x80")]), "a row cannot be decoded"),
        (
            container(record(("n", "long")), [(1, b"0" * 65_000_000)], "deflate", PACKED["deflate"]),
            "come out of a block",
        ),
        (container(record(("n", "long")), [(1, b"junk")], "zstandard"), "a block cannot be unpacked"),
    ],
)
def test_what_is_no_avro_file_or_a_bomb_is_refused(deliver, content, told):
    """By name, and before much memory or time is spent."""
    path = deliver(content)
    said = refusal(path, avro({"n": "int"}, ignore=["a", *(f"d{n}" for n in range(31))]))
    assert told in said
    assert path in said


def test_a_damaged_block_is_refused_alone_and_one_that_is_not_whole_with_all_behind(deliver):
    """Blocks before stay, also those behind one whose bytes alone are wrong: their numbers of rows are known."""
    parts = [
        encoded(SCHEMA, [{"n": n, "skip": {}, "s": f"text {n}"} for n in range(10 * b, 10 * b + 10)]) for b in range(4)
    ]
    whole = container(SCHEMA, [(10, part) for part in parts], "deflate", PACKED["deflate"])
    packed = PACKED["deflate"](parts[1])
    path = deliver(whole.replace(packed, b"\xff" * len(packed)))
    plan = cut(path, DATA)
    blocks = [b for span in plan.ranges for b in read_blocks(path, path, *span, DATA.source, header=plan.header)]
    assert [block.refused[:4] for block in blocks if block.refused] == [(10, 20, len(packed), "block.damaged")]
    path = deliver(whole.replace(packed, packed[:-1]))
    plan = cut(path, DATA)
    assert plan.ranges == ((0, 10),)
    ((start, end, size, reason, why),) = plan.refused
    assert (start, end, reason) == (10, OPEN_END, "block.damaged")
    assert 0 < size < len(whole)
    assert "a block is not whole at byte" in why


def test_bytes_left_over_in_a_block_move_no_row_of_the_next(deliver):
    """Blocks that are decoded together give what each gives alone."""
    parts = [encoded(SCHEMA, [{"n": b, "skip": {}, "s": f"text {b}"}]) for b in range(3)]
    whole = container(SCHEMA, [(1, parts[0]), (1, parts[1] + b"\x02\x00"), (1, parts[2])])
    assert [row for part in read(deliver(whole), DATA) for row in rows(part, "n", "s")] == [
        (b, f"text {b}") for b in range(3)
    ]
