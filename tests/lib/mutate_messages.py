"""Check messages in many broken versions, as a stream would: all in one block, and each alone.

python mutate_messages.py KIND COUNT: prints how many were accepted and how many quarantined,
and ends with the first that is not in exactly one place, or takes longer than ten seconds.
"""

import datetime as dt
import io
import json
import random
import resource
import sys
import time
from decimal import Decimal

import fastavro
import pyarrow as pa

from headrace.rows.block import Block, Origin
from headrace.rows.messages import MESSAGES, MessageChecker
from headrace.spec.data_set import DataSet

FIELDS = [
    {"name": "id", "type": "long"},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "page", "type": ["null", "string"]},
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
    {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["view", "buy"]}},
    {"name": "tags", "type": {"type": "array", "items": "string"}},
    {"name": "more", "type": {"type": "map", "values": ["null", "long"]}},
]
CLICK = {"type": "record", "name": "Click", "namespace": "web", "fields": FIELDS}
OLD = {"type": "record", "name": "Click", "namespace": "web", "fields": FIELDS[:2]}
COLUMNS = {
    "id": {"type": "int", "required": True, "min": "0"},
    "at": {"type": "timestamp"},
    "page": {"type": "string"},
    "price": {"type": "decimal(9,2)"},
    "kind": {"type": "string"},
}
NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)


def checker(schema, **source):
    """Of a data set whose messages are written so; the schema is JSON already, as a loaded one is."""
    given = {"format": "avro", "topic": "clicks", "schema": schema, "ignore": ["tags", "more"], **source}
    contract = {"columns": COLUMNS}
    return MessageChecker(DataSet.model_validate({"dataset": "c", "source": given, "time": "at", "contract": contract}))


def click(number, schema=CLICK, **other):
    """A record as its bytes alone."""
    row = {
        "id": number, "at": NOON, "page": f"p{number}", "price": "1.50", "kind": "buy", "tags": ["a", "b"],
        "more": {"x": 1, "y": None}, **other,
    }  # fmt: skip
    row["price"] = Decimal(row["price"])
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), row)
    return out.getvalue()


def split(made, values):
    """What becomes of the messages at offsets from 10 on."""
    rows = {"offset": range(10, 10 + len(values)), "time": [NOON] * len(values), "key": [b"k"] * len(values)}
    batch = pa.RecordBatch.from_pydict({**{k: list(v) for k, v in rows.items()}, "value": values}, schema=MESSAGES)
    return made.split(Block(Origin("clicks/3", 10, 10 + len(values)), batch))


WHOLE = click(7)
CLAIM = b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"  # 2^62 - 1
FRONT = click(7, tags=[], more={})[:-2]  # up to the array
BOMBS = {
    "array of 2^62": FRONT + CLAIM,
    "array of -2^62": FRONT + b"\xfd\xff\xff\xff\xff\xff\xff\xff\x7f\x02",
    "blocks without end": FRONT + b"\x02\x02a" * 3,
    "map of 2^62": FRONT + b"\0" + CLAIM + b"\x02a\x00",
    "text of 2^62": b"\x02\0\x02" + CLAIM + b"a",
    "text of -1": b"\x02\0\x02\x01" + WHOLE,
    "number without end": b"\xff" * 40,
    "no such branch": b"\x02\0\x08" + b"a" * 9,
    "no such symbol": FRONT[:-1] + b"\x08\0\0",
    "truncated": WHOLE[:-1],
    "trailing": WHOLE + b"\0",
    "empty": b"",
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\3" + b"\0" * 1000,
    "brackets": b"[" * 100_000,
    "six bytes": b"\xfe\xff\xff\xff\x7f\0",
}


def json_checker():
    """Of the same columns in JSON."""
    contract = {"columns": COLUMNS}
    source = {"format": "jsonl", "topic": "clicks"}
    return MessageChecker(
        DataSet.model_validate({"dataset": "c", "source": source, "time": "at", "contract": contract})
    )


def json_click(number):
    """A click as JSON."""
    row = {"id": number, "at": f"{NOON:%Y-%m-%dT%H:%M:%SZ}", "page": f"p{number}", "price": "1.50", "kind": "buy"}
    return json.dumps(row, indent=1).encode()


KINDS = {
    "jsonl": (json_checker, json_click),
    "avro": (lambda: checker(json.dumps(CLICK)), click),
    "registry": (lambda: checker({"1": json.dumps(CLICK)}), lambda n: b"\0\0\0\0\1" + click(n)),
}
MEMORY = 4_000_000_000  # bytes of address space, of which the libraries take most
SECONDS = 10


def mutated(pick, value):
    """A message with some bytes changed, taken out or put in."""
    data = bytearray(value)
    for _ in range(pick.randint(1, 4)):
        at = pick.randrange(len(data) or 1)
        match pick.randrange(3):
            case 0 if data:
                data[at] = pick.randrange(256)
            case 1:
                del data[at : at + pick.randint(1, 5)]
            case _:
                data[at:at] = pick.choice([CLAIM, b"\xff", b"\0", b"[" * 200, b'"', pick.randbytes(5)])
    return bytes(data)


def places(checked):
    """The offsets of both ways out, ascending."""
    return sorted(checked.accepted.column("_offset").to_pylist() + checked.quarantined.column("_offset").to_pylist())


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    make, good = KINDS[sys.argv[1]]
    made, count = make(), int(sys.argv[2])
    values = [mutated(random.Random(seed), good(seed)) for seed in range(count)]  # noqa: S311
    whole = split(made, values)
    assert places(whole) == list(range(10, 10 + count))
    accepted = set(whole.accepted.column("_offset").to_pylist())
    for number, value in enumerate([*values, *BOMBS.values()]):
        begun = time.monotonic()
        alone = split(made, [value])
        assert time.monotonic() - begun < SECONDS, value
        assert places(alone) == [10], value
        if number < count:
            assert alone.accepted.num_rows == (10 + number in accepted), value
    sys.stdout.write(json.dumps({"accepted": len(accepted), "quarantined": count - len(accepted)}))
