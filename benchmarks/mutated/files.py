"""What is mutated, and what becomes of one such file alone."""

import gzip
import io
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.failures import DataFailure
from headrace.rows.block import Refused
from headrace.rows.check import Checker
from headrace.rows.cut import cut
from headrace.rows.damaged import Damaged, without
from headrace.rows.read_blocks import read_blocks
from headrace.spec.data_set import DataSet

ROWS = 300
START = datetime(2024, 1, 1, tzinfo=UTC)
COLUMNS = {
    "id": {"type": "int", "required": "true"},
    "at": {"type": "timestamp"},
    "amount": {"type": "decimal(9,2)"},
    "note": {"type": "string"},
}


def rows() -> Iterator[dict[str, Any]]:
    """The same every time."""
    luck = random.Random(7)  # noqa: S311  # the same every time
    for n in range(ROWS):
        note = luck.choice(["", "plain", 'a "quoted" word', "two\nlines", "ümläut, and a comma"])
        yield {
            "id": n,
            "at": f"{START + timedelta(hours=n):%Y-%m-%dT%H:%M:%SZ}",
            "amount": f"{n / 4:.2f}",
            "note": note,
        }


def as_csv() -> bytes:
    """Some cells span lines."""
    lines = ["id,at,amount,note"]
    for row in rows():
        note = row["note"].replace('"', '""')
        lines.append(f'{row["id"]},{row["at"]},{row["amount"]},"{note}"')
    return "\n".join(lines).encode() + b"\n"


def as_jsonl() -> bytes:
    """One object a line."""
    return "".join(json.dumps(row) + "\n" for row in rows()).encode()


def as_parquet() -> bytes:
    """In three row groups."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows())), sink, row_group_size=100, write_page_checksum=True)
    return sink.getvalue()


def as_avro() -> bytes:
    """In ten blocks."""
    import fastavro  # noqa: PLC0415  # loaded where there are such files

    fields = [{"name": name, "type": "long" if name == "id" else "string"} for name in COLUMNS]
    sink = io.BytesIO()
    schema = {"type": "record", "name": "row", "fields": fields}
    fastavro.writer(sink, schema, rows(), codec="deflate", sync_interval=1500, sync_marker=b"0123456789abcdef")
    return sink.getvalue()


FORMATS: dict[str, tuple[Callable[[], bytes], str, dict[str, str]]] = {  # its bytes, its name, and what the source says
    "csv": (lambda: as_csv().replace(b"two\nlines", b"one line"), ".csv", {"format": "csv"}),
    "multiline": (as_csv, ".csv", {"format": "csv", "multiline": "true"}),
    "jsonl": (as_jsonl, ".jsonl", {"format": "jsonl"}),
    "gz": (lambda: gzip.compress(as_jsonl()), ".jsonl.gz", {"format": "jsonl"}),
    "zst": (lambda: pa.compress(as_jsonl(), "zstd", asbytes=True), ".jsonl.zst", {"format": "jsonl"}),
    "parquet": (as_parquet, ".parquet", {"format": "parquet"}),
    "avro": (as_avro, ".avro", {"format": "avro"}),
}


def mutated(content: bytes, luck: random.Random) -> bytes:
    """A few bytes flipped, taken out, put in or cut off."""
    data = bytearray(content)
    for _ in range(luck.randint(1, 6)):
        at = luck.randrange(len(data))
        match luck.choice(["flip", "flip", "set", "take", "put", "cut"]):
            case "flip":
                data[at] ^= 1 << luck.randrange(8)
            case "set":
                data[at : at + luck.randint(1, 8)] = luck.randbytes(luck.randint(1, 8))
            case "take":
                del data[at : at + luck.randint(1, 40)]
            case "put":
                data[at:at] = luck.choice([b"\n", b'"', b"\0", b"\xff", b"{", b",", luck.randbytes(5)])
            case "cut":
                del data[max(at, 1) :]
    return bytes(data) or b"x"


class Alone(NamedTuple):
    """What a file is read as: rows, and parts that are refused; neither where it stops a plan."""

    rows: int
    refused: int
    told: bool = False  # by name, as a mistake of set-up: a header that is none, a file of another format


def alone(path: str, data: DataSet, checker: Checker) -> Alone:
    """What an ingest makes of a file: it cuts it, reads it, and where it is damaged reads again what is whole.

    Raises:
        AssertionError: its rows do not add up, or its blocks do not tile it, or its name is not told.
    """
    try:
        plan = cut(path, data)
        ranges, refused = plan.ranges, plan.refused
        if found := tuple(_read(path, data, plan.header, ranges, checker)[1]):
            ranges, refused = without(ranges, found), (*refused, *found)
        rows, more = _read(path, data, plan.header, ranges, checker)
    except DataFailure as failure:
        if path not in str(failure):
            raise
        damaged = isinstance(failure, Damaged)
        return Alone(0, int(damaged), told=not damaged)
    assert not more, more
    return Alone(rows, len(refused))


def _read(
    path: str, data: DataSet, header: tuple[str, ...], ranges: tuple[tuple[int, int], ...], checker: Checker
) -> tuple[int, list[Refused]]:
    """The rows of the ranges, and what of them cannot be read."""
    rows, refused = 0, []
    for start, end in ranges:
        at = start
        for block in read_blocks(path, path, start, end, data.source, header=header):
            if block.refused:
                refused.append(block.refused)
                continue
            assert block.origin.start == at, (block.origin, at)
            at = block.origin.end
            done = checker.split(block)
            assert done.counts.read == done.accepted.num_rows + done.quarantined.num_rows
            rows += done.counts.read
        assert refused or at == end, (at, end)
    return rows, refused
