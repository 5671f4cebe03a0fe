"""Read a file of a format in many broken versions, as an ingest would: cut, read, check.

python mutate.py FORMAT COUNT FOLDER: prints how many versions were read, how many refused,
and ends with the first one whose rows do not add up, or whose fault is no failure of ours.
"""

import gzip
import io
import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.failures import Failure
from headrace.rows.block import OPEN_END
from headrace.rows.check import Checker
from headrace.rows.cut import cut
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


def rows():
    random_ = random.Random(7)  # noqa: S311  # the same every time
    for n in range(ROWS):
        note = random_.choice(["", "plain", 'a "quoted" word', "two\nlines", "ümläut, and a comma"])
        yield {
            "id": n,
            "at": f"{START + timedelta(hours=n):%Y-%m-%dT%H:%M:%SZ}",
            "amount": f"{n / 4:.2f}",
            "note": note,
        }


def as_csv():
    lines = ["id,at,amount,note"]
    for row in rows():
        note = row["note"].replace('"', '""')
        lines.append(f'{row["id"]},{row["at"]},{row["amount"]},"{note}"')
    return "\n".join(lines).encode() + b"\n"


def as_jsonl():
    return "".join(json.dumps(row) + "\n" for row in rows()).encode()


def as_parquet():
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows())), sink, row_group_size=100, write_page_checksum=True)
    return sink.getvalue()


FORMATS = {  # its bytes, its name, and what the source says
    "csv": (lambda: as_csv().replace(b"two\nlines", b"one line"), "f.csv", {"format": "csv"}),
    "multiline": (as_csv, "f.csv", {"format": "csv", "multiline": "true"}),
    "jsonl": (as_jsonl, "f.jsonl", {"format": "jsonl"}),
    "gz": (lambda: gzip.compress(as_jsonl()), "f.jsonl.gz", {"format": "jsonl"}),
    "zst": (lambda: pa.compress(as_jsonl(), "zstd", asbytes=True), "f.jsonl.zst", {"format": "jsonl"}),
    "parquet": (as_parquet, "f.parquet", {"format": "parquet"}),
}


def mutated(content, random_):
    """A few bytes flipped, taken out, put in or cut off."""
    data = bytearray(content)
    for _ in range(random_.randint(1, 6)):
        at = random_.randrange(len(data))
        match random_.choice(["flip", "flip", "set", "take", "put", "cut"]):
            case "flip":
                data[at] ^= 1 << random_.randrange(8)
            case "set":
                data[at : at + random_.randint(1, 8)] = random_.randbytes(random_.randint(1, 8))
            case "take":
                del data[at : at + random_.randint(1, 40)]
            case "put":
                data[at:at] = random_.choice([b"\n", b'"', b"\0", b"\xff", b"{", b",", random_.randbytes(5)])
            case "cut":
                del data[max(at, 1) :]
    return bytes(data) or b"x"


def read(path, data):
    """Every row is accepted or quarantined, and the blocks tile what was planned."""
    checker, plan = Checker(data), cut(str(path), data, 2_000)
    for start, end in plan.ranges:
        at = start
        for block in read_blocks(str(path), path.name, start, end, data.source, header=plan.header, target=2_000):
            assert block.origin.start == at, (block.origin, at)
            at = block.origin.end
            done = checker.split(block)
            assert (
                done.counts.read
                == done.accepted.num_rows + done.quarantined.num_rows
                == (done.counts.accepted + done.counts.quarantined)
            )
        assert at == end or end == OPEN_END == at, (at, end)


if __name__ == "__main__":
    name, count, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    make, file, source = FORMATS[name]
    data = DataSet.model_validate(
        {"dataset": "d", "source": {"path": file, **source}, "contract": {"columns": COLUMNS}}
    )
    content, told = make(), {"read": 0, "refused": 0}
    (folder / file).write_bytes(content)
    read(folder / file, data)
    for seed in range(count):
        (folder / file).write_bytes(mutated(content, random.Random(seed)))  # noqa: S311
        try:
            read(folder / file, data)
            told["read"] += 1
        except Failure as failure:
            told["refused"] += 1
            if file not in str(failure):
                raise
        except BaseException:
            sys.stderr.write(f"seed {seed}\n")
            raise
    sys.stdout.write(json.dumps(told))
