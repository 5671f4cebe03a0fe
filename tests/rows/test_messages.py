"""Messages of a topic are judged as the lines of a file are, whatever is in them."""

import datetime as dt
import hashlib

import pyarrow as pa
import pytest

from headrace.rows.block import Block, Origin
from headrace.rows.messages import MESSAGES, MessageChecker
from headrace.spec.project import parse_data_set

CLICKS = """\
dataset: clicks
source: {format: jsonl, topic: clicks, line: {max_bytes: 300kb}}
key: [id]
time: at
lateness: 1h
contract:
  columns:
    id: {type: int, required: true}
    at: {type: timestamp, required: true}
    page: {type: string, path: where.page}
"""
NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def checker():
    """Of a small data set with a time."""
    return MessageChecker(parse_data_set(CLICKS, "clicks.yaml").value)


def block(values, first=10, step=1, keys=None):
    """Messages at offsets that need not be dense, all come at noon."""
    rows = {
        "offset": range(first, first + step * len(values), step),
        "time": [NOON] * len(values),
        "key": keys or [None] * len(values),
        "value": values,
    }
    batch = pa.RecordBatch.from_pydict({k: list(v) for k, v in rows.items()}, schema=MESSAGES)
    return Block(Origin("clicks/3", first, first + step * len(values) + 5), batch)


def good(number, at="2024-05-01T11:30:00Z"):
    return b'{"id": %d, "at": "%s", "where": {"page": "p"}}' % (number, at.encode())


def test_a_message_keeps_its_partition_and_offset(checker):
    """Offsets may have holes, as compaction and transactions leave them."""
    made = checker.split(block([good(1), b"{}", good(2)], step=7))
    assert made.accepted.select(["id", "_file", "_offset", "_late"]).to_pylist() == [
        {"id": 1, "_file": "clicks/3", "_offset": 10, "_late": False},
        {"id": 2, "_file": "clicks/3", "_offset": 24, "_late": False},
    ]
    assert made.quarantined.column("_offset").to_pylist() == [17]
    assert made.counts.origin == Origin("clicks/3", 10, 36)
    assert (made.counts.read, made.counts.accepted, made.counts.quarantined) == (3, 2, 1)


def test_json_of_several_lines_is_the_same_json(checker):
    """Line ends between tokens are white space; one within a text is as wrong as JSON says."""
    pretty = good(1).replace(b", ", b",\r\n  ") + b"\n"
    made = checker.split(
        block([pretty, good(2), b'{"id": 3, "at": "2024-05-01T11:00:00Z", "where": {"page": "a\nb"}}'])
    )
    assert made.accepted.column("id").to_pylist() == [1, 2]
    (bad,) = made.quarantined.to_pylist()
    assert (bad["_offset"], bad["reasons"]) == (12, ["line.json"])
    assert b"a\nb" in bad["raw"], "the raw bytes are as they were sent"


POISON = {
    "nothing": (None, ["message.null"]),
    "empty": (b"", ["line.blank"]),
    "brackets": (b"[" * 100_000, ["line.json"]),
    "not utf-8": (b'{"id": 1, "at": "\xff\xfe"}', ["line.utf8"]),
    "nul": (b'{"id": 1,\x00}', ["line.nul"]),
    "huge int": (b'{"id": 1' + b"0" * 200_000 + b"}", ["line.json"]),
    "half": (b'{"id": 1', ["line.json"]),
    "array": (b"[1]", ["line.json"]),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", ["line.nul", "line.utf8"]),
    "newlines": (b"\n" * 1000, ["line.json"]),
    "too long": (b'{"id": 1, "x": "' + b"y" * 400_000 + b'"}', ["line.too_long"]),
}


@pytest.mark.parametrize("name", POISON)
def test_poison_is_quarantined_as_it_came(checker, name):
    """Whatever a producer sends: the good beside it are rows, the bad is kept with its key and its bytes."""
    value, reasons = POISON[name]
    made = checker.split(block([good(1), value, good(2)], keys=[b"a", b"k", b"c"]))
    assert made.accepted.column("id").to_pylist() == [1, 2]
    (bad,) = made.quarantined.to_pylist()
    assert (bad["_file"], bad["_offset"], bad["key"]) == ("clicks/3", 11, b"k")
    assert bad["reasons"] == reasons
    if name == "too long":
        assert (len(bad["raw"]), bad["length"], bad["replayable"]) == (64_000, len(value), False)
        assert bad["digest"] == hashlib.sha256(value).hexdigest()
    else:
        assert (bad["raw"], bad["length"], bad["digest"]) == (value, len(value or b""), None)


def test_any_split_of_the_messages_gives_the_same(checker):
    """Poison, late rows and good ones, one by one or together."""
    values = [value for value, _ in POISON.values()] + [good(n, f"2024-05-01T{n:02}:00:00Z") for n in range(8, 13)]
    whole = checker.split(block(values))
    single = [checker.split(block([value], first=10 + n)) for n, value in enumerate(values)]
    for way in ("accepted", "quarantined"):
        apart = pa.Table.from_batches([getattr(one, way) for one in single]).sort_by("_offset")
        assert apart.to_pylist() == pa.Table.from_batches([getattr(whole, way)]).sort_by("_offset").to_pylist()
    assert sum(one.late for one in single) == whole.late
    assert sum(one.counts.read for one in single) == whole.counts.read == len(values)


def test_late_is_older_than_the_lateness_when_it_came(checker):
    """An hour is declared: a row of 11:00 that came at noon is in time, one a second older is late."""
    made = checker.split(block([good(1, "2024-05-01T11:00:00Z"), good(2, "2024-05-01T10:59:59Z")]))
    assert made.accepted.column("_late").to_pylist() == [False, True]
    assert (made.late, made.newest) == (1, NOON - dt.timedelta(hours=1))


def test_without_messages_there_are_no_rows(checker):
    """A range of nothing but the marks of transactions."""
    made = checker.split(block([]))
    assert (made.accepted.num_rows, made.quarantined.num_rows, made.counts.read, made.newest) == (0, 0, 0, None)
