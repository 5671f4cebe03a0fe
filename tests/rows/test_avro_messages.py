"""Messages in Avro become the rows that the same values would be in a file, whatever is sent among them."""

import io
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import fastavro
import pytest
from fastavro.schema import fingerprint, to_parsing_canonical_form

from headrace.failures import UsageFailure
from headrace.rows.messages import MessageChecker
from headrace.spec.data_set import DataSet
from lib import mutate_messages
from lib.mutate_messages import BOMBS, CLICK, FIELDS, NOON, OLD, WHOLE, checker, click, split


def reasons(checked):
    return {row["_offset"]: row["reasons"] for row in checked.quarantined.to_pylist()}


@pytest.fixture(scope="module")
def bare():
    return checker(json.dumps(CLICK))


def test_a_record_is_a_row_at_its_offset(bare):
    """Logical types are read as in files of Avro; a broken contract keeps the message's own bytes."""
    bad = click(-1)
    made = split(bare, [click(1), bad, click(2, page=None), None])
    assert made.accepted.drop_columns(["_late"]).to_pylist()[0] == {
        "id": 1, "at": NOON, "page": "p1", "price": Decimal("1.50"), "kind": "buy",
        "_file": "clicks/3", "_offset": 10,
    }  # fmt: skip
    assert made.accepted.column("_offset").to_pylist() == [10, 12]
    assert reasons(made) == {11: ["id.min"], 13: ["message.null"]}
    (kept, _) = made.quarantined.to_pylist()
    assert (kept["raw"], kept["key"], kept["replayable"]) == (bad, b"k", True)
    assert (made.counts.read, made.counts.accepted, made.counts.reasons) == (4, 2, {"id.min": 1, "message.null": 1})


def test_the_registry_s_id_says_how_a_message_is_written():
    """A zero byte and four of the id; what an older schema lacks is null, and an id that nobody named waits."""
    made = checker({"1": json.dumps(OLD), "70000": json.dumps(CLICK)})
    values = [
        b"\0\0\1\x11\x70" + click(1),
        b"\0\0\0\0\1" + click(2, OLD),
        b"\0\0\0\0\2" + click(3),
        b"\1\0\0\0\1" + click(4, OLD),
        b"\0\0",
        b"\0\0\0\0\1" + click(5, OLD),
    ]
    checked = split(made, values)
    assert checked.accepted.column("id").to_pylist() == [1, 2, 5]
    assert checked.accepted.column("page").to_pylist() == ["p1", None, None]
    assert reasons(checked) == {at: ["message.schema"] for at in (12, 13, 14)}


def test_a_fingerprint_says_how_a_message_is_written():
    """Single-object encoding: its mark, and eight bytes of the schema's fingerprint, told by a list."""
    made = checker([json.dumps(OLD), json.dumps(CLICK)])
    mark = {
        n: b"\xc3\x01" + bytes.fromhex(fingerprint(to_parsing_canonical_form(s), "CRC-64-AVRO"))
        for n, s in enumerate((OLD, CLICK))
    }
    checked = split(made, [mark[1] + click(1), mark[0] + click(2, OLD), mark[0] + click(3), click(4)])
    assert checked.accepted.column("id").to_pylist() == [1, 2]
    assert reasons(checked) == {12: ["message.avro"], 13: ["message.schema"]}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_quarantined_and_the_messages_beside_it_are_rows(bare, name):
    """Counts, lengths and depths that no message can hold, with every byte kept."""
    made = split(bare, [click(1), BOMBS[name], click(2)])
    assert made.accepted.column("id").to_pylist() == [1, 2]
    assert reasons(made) == {11: ["message.avro"]}
    assert made.quarantined.column("raw").to_pylist() == [BOMBS[name]]


def test_text_that_is_no_utf8_or_too_long_is_told_as_in_files(bare):
    """The record is whole, its text is not."""
    bad = WHOLE.replace(b"p7", b"\xff\xfe")
    long = checker(json.dumps(CLICK), line={"max_bytes": "64b"})
    assert reasons(split(bare, [bad])) == {10: ["line.utf8"]}
    made = split(long, [click(1, page="y" * 99), click(2)])
    assert reasons(made) == {10: ["line.too_long"]}
    assert made.accepted.column("id").to_pylist() == [2]


def test_a_number_that_its_type_cannot_hold_spoils_no_other():
    """An `int` of 40 bits is decoded, and is none: only its own message is quarantined."""
    schema = {"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}, {"name": "at", "type": DAY}]}
    wide = {"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}, {"name": "at", "type": "long"}]}

    def day(number, days):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, fastavro.parse_schema(wide), {"id": number, "at": days})
        return out.getvalue()

    data = {
        "dataset": "c",
        "source": {"format": "avro", "topic": "t", "schema": json.dumps(schema)},
        "contract": {"columns": {"id": {"type": "int"}, "at": {"type": "date"}}},
    }
    made = split(MessageChecker(DataSet.model_validate(data)), [day(1, 5), day(2, 1 << 40), day(3, 6)])
    assert made.accepted.column("id").to_pylist() == [1, 3]
    assert reasons(made) == {11: ["message.avro"]}


DAY = {"type": "int", "logicalType": "date"}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ('"int"', "its rows are no records"),
        (json.dumps(OLD), "`page` is missing"),
        (json.dumps({**CLICK, "fields": [*FIELDS, {"name": "x", "type": "int"}]}), "not declared: x"),
        (json.dumps({**CLICK, "fields": [{"name": "id", "type": "Click"}]}), "recursive"),
    ],
)
def test_a_schema_that_cannot_be_is_refused_before_anything_is_read(schema, said):
    """No records, other columns, a record within itself."""
    with pytest.raises(UsageFailure, match=said):
        checker(schema)


@pytest.mark.parametrize("kind", mutate_messages.KINDS)
def test_a_hundred_mutated_messages(kind):
    """In a process of its own with bounded memory: each is in one place, alone and together, and none takes long."""
    call = [sys.executable, mutate_messages.__file__, kind, "100"]
    env = {"PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run(call, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = json.loads(ended.stdout)
    assert told["accepted"] + told["quarantined"] == 100
    assert told["quarantined"] > 20
