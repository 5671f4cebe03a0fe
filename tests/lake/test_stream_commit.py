"""Commits of a topic's messages: once, in order, with every token and the account in the same commit."""

import weakref
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from headrace.failures import Conflict, DataFailure, Failure
from headrace.lake import offset_commit
from headrace.lake.commit import Token, commit_once, last_info, stored_token
from headrace.lake.data_files import write_small
from headrace.lake.key_window import StreamKey
from headrace.lake.offsets import Part, Retained, Topic, cut_at
from headrace.lake.snapshot import open_snapshot
from headrace.lake.stream_account import StreamAccount
from headrace.lake.stream_commit import StreamTable, stream_account
from headrace.lake.tables import create_table
from headrace.rows.block import Origin

TOPIC = Topic("clicks", "Zx81", {0: Retained(0, 100), 1: Retained(5, 90)})
SCHEMA = pa.schema([("n", pa.int64())])
KEYED = pa.schema(
    [
        ("id", pa.int64()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("_file", pa.string()),
        ("_offset", pa.int64()),
        ("_late", pa.bool_()),
    ]
)
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def table(tmp_path):
    """An events table that has never seen a topic."""
    root = str(tmp_path / "events")
    create_table(root, SCHEMA)
    return StreamTable(name="events", root=root, prefix="web/T1", topic="clicks", contract="digest")


def part(table, partition, start, end, bad=0):
    """Messages of a partition, written; the first of them are bad, so another table gets those."""
    added = write_small(table.root, pa.RecordBatch.from_pydict({"n": list(range(start + bad, end))}, schema=SCHEMA))
    account = StreamAccount(read=end - start, accepted=end - start - bad, quarantined=bad, reasons={"x": bad})
    return Part((Origin(f"clicks/{partition}", start, end),), tuple(added), account)


def numbers(table):
    return sorted(DeltaTable(table.root).to_pyarrow_table().column("n").to_pylist())


def test_to_begin_writes_a_token_for_every_partition_once(table):
    """What is read from where is fixed before the first message is; a second start changes nothing."""
    assert table.begin(TOPIC) == {0: 0, 1: 5}
    version = DeltaTable(table.root).version()
    assert table.begin(TOPIC) == {0: 0, 1: 5}
    assert DeltaTable(table.root).version() == version
    assert stored_token(table.root, "web/T1/clicks/1") == 5


def test_parts_of_several_partitions_are_one_commit(table):
    """The commit holds the files, the tokens of what moved, and the account; committed again, it is nothing."""
    table.begin(TOPIC)
    parts = [part(table, 0, 10, 30), part(table, 1, 5, 8, bad=1), part(table, 0, 0, 10)]
    version = DeltaTable(table.root).version()
    assert table.commit(parts).committed == 33
    assert DeltaTable(table.root).version() == version + 1
    info = last_info(table.root)["stream"]
    assert info["offsets"] == {"clicks/0": [0, 30], "clicks/1": [5, 8]}
    assert (info["read"], info["accepted"], info["quarantined"]) == (33, 32, 1)
    assert table.commit(parts) == ((), {"clicks/0": 30, "clicks/1": 8}, 0, 3)
    assert DeltaTable(table.root).version() == version + 1
    assert numbers(table) == sorted([*range(30), 6, 7])
    assert stream_account(table.root) == StreamAccount(read=33, accepted=32, quarantined=1, reasons={"x": 1})


def test_what_is_behind_a_gap_waits(table):
    """A lost block leaves the table as it is from there on; when it comes, all is committed."""
    table.begin(TOPIC)
    behind = part(table, 0, 10, 20)
    waiting = table.commit([behind])
    assert (waiting.parts, waiting.tokens, waiting.committed) == ((behind,), {"clicks/0": 0}, 0)
    assert table.commit([*waiting.parts, part(table, 0, 0, 10)]).parts == ()
    assert numbers(table) == list(range(20))


def test_a_range_without_rows_moves_the_token(table):
    """A block may hold nothing but bad messages, or the marks of transactions."""
    table.begin(TOPIC)
    version = DeltaTable(table.root).version()
    table.commit([part(table, 0, 0, 4, bad=4)])
    assert table.begin(TOPIC) == {0: 4, 1: 5}
    assert DeltaTable(table.root).version() == version + 1


def test_messages_given_up_stand_in_the_log(table):
    """The token jumps over what the broker has deleted, and the commit says which offsets are missing."""
    table.begin(TOPIC)
    table.commit([part(table, 0, 0, 10)])
    cut = TOPIC._replace(partitions={**TOPIC.partitions, 0: Retained(60, 100)})
    with pytest.raises(DataFailure, match="--accept-loss"):
        table.begin(cut)
    assert table.begin(cut, accept_loss=True) == {0: 60, 1: 5}
    assert last_info(table.root)["stream"]["lost"] == {"0": [10, 60]}
    assert table.begin(cut) == {0: 60, 1: 5}


def test_another_run_that_was_faster_is_a_conflict(table):
    """It has cut the same messages elsewhere: the file is not added."""
    table.begin(TOPIC)
    ours = part(table, 0, 0, 10)
    table.commit([part(table, 0, 0, 7)])
    with pytest.raises(Conflict, match="run again"):
        table.commit([ours])
    assert numbers(table) == list(range(7))


def test_a_file_that_lacks_rows_is_not_committed(table):
    """What was counted and what was written must be the same number; else the run stops before the commit."""
    table.begin(TOPIC)
    short = part(table, 0, 0, 10)
    with pytest.raises(Failure, match="written 10 of 12 rows"):
        table.commit([short._replace(account=StreamAccount(read=12, accepted=12))])
    assert numbers(table) == []


def test_a_table_replaced_while_it_was_written_stops_the_run(table):
    """Its tokens are of a table that is gone."""
    with pytest.raises(DataFailure, match=r"lost its tokens of clicks/0"):
        table.commit([part(table, 0, 0, 10)])


def test_blocks_are_cut_where_any_table_goes_on():
    """After a kill between two commits the tables go on from different offsets; no piece is half in a table."""
    pieces = list(cut_at(Origin("clicks/0", 0, 100), [40, 10, 100, 0]))
    assert pieces == [Origin("clicks/0", 0, 10), Origin("clicks/0", 10, 40), Origin("clicks/0", 40, 100)]


def test_very_many_parts_are_several_commits(table, monkeypatch):
    """Each of them whole, in the order of offsets; what waits behind a gap still does."""
    monkeypatch.setattr(offset_commit, "_MOST_ROWS", 25)
    table.begin(TOPIC)
    version = DeltaTable(table.root).version()
    parts = [part(table, 0, start, start + 10) for start in (30, 0, 20, 10, 60)]
    after = table.commit(parts)
    assert (after.committed, after.dropped, [p.spans[0].start for p in after.parts]) == (40, 0, [60])
    assert numbers(table) == list(range(40))
    assert DeltaTable(table.root).version() == version + 2
    assert table.commit(parts).dropped == 4


@pytest.fixture
def keyed(tmp_path):
    """An events table whose rows have a key, begun."""
    root = str(tmp_path / "keyed")
    key = StreamKey(("id",), "at", timedelta(hours=1), refuse=False, most_bytes=10**9)
    create_table(root, KEYED)
    table = StreamTable(
        name="events",
        root=root,
        prefix="web/T1",
        topic="clicks",
        contract="digest",
        key=key,
        lateness=timedelta(days=2),
    )
    table.begin(TOPIC)
    return table


def keyed_part(table, start, ids, *, late=(), first=None):
    """Messages of partition 0 with these keys, written; one second between two of them."""
    rows = {
        "id": list(ids),
        "at": [START + timedelta(seconds=(start if first is None else first) + n) for n in range(len(ids))],
        "_file": ["clicks/0"] * len(ids),
        "_offset": list(range(start, start + len(ids))),
        "_late": [number in late for number in ids],
    }
    (added,) = write_small(table.root, pa.RecordBatch.from_pydict(rows, schema=KEYED))
    account = StreamAccount(read=len(ids), accepted=len(ids), late=len(late))
    return Part((Origin("clicks/0", start, start + len(ids)),), (added,), account)


def ids(table):
    return sorted(DeltaTable(table.root).to_pyarrow_table().column("id").to_pylist())


def test_rows_that_repeat_a_key_are_left_out_and_counted(keyed):
    """In one file, in another of the same commit, in a later commit, and after a start from the table alone."""
    window = keyed.window()
    keyed.commit([keyed_part(keyed, 2, [2, 3]), keyed_part(keyed, 0, [1, 1])], window)
    keyed.commit([keyed_part(keyed, 4, [3, 4, 2], late=(3, 4))], window)
    keyed.commit([keyed_part(keyed, 7, [1, 2, 3])], window)
    keyed.commit([keyed_part(keyed, 10, [4, 5])], keyed.window())
    assert ids(keyed) == [1, 2, 3, 4, 5]
    total = stream_account(keyed.root)
    assert (total.read, total.accepted, total.duplicate, total.late) == (12, 5, 7, 1)
    assert total.newest == START + timedelta(seconds=11)
    told = last_info(keyed.root)["stream"]
    assert told["duplicates"] == "looked for by key, within 1h"
    assert told["low_water"] == (START + timedelta(seconds=11) - timedelta(days=2)).isoformat()


def test_rows_that_a_rival_adds_meanwhile_are_looked_at(keyed, monkeypatch):
    """A replay or a batch run appends between the look and the commit: its keys win, and the parts still come in."""
    window = keyed.window()
    keyed.commit([keyed_part(keyed, 0, [1, 2])], window)
    catch_up, rivals = window.catch_up, iter([(3, Token("rival", 1, None)), (4, Token("rival", 2, 1))])

    def catch_up_and_be_overtaken():
        version = catch_up()
        for number, token in [rival] if (rival := next(rivals, None)) else []:
            commit_once(keyed.root, [token], keyed_part(keyed, 50, [number]).files, info={})
        return version

    monkeypatch.setattr(window, "catch_up", catch_up_and_be_overtaken)
    assert keyed.commit([keyed_part(keyed, 2, [3, 4, 5])], window).committed == 3
    assert ids(keyed) == [1, 2, 3, 4, 5]
    assert stream_account(keyed.root).duplicate == 2


def test_a_repeat_may_stop_a_stream(keyed):
    """Nothing of the parts is committed, and the keys are named with their offsets."""
    table = replace(keyed, key=replace(keyed.key, refuse=True))
    table.commit([keyed_part(table, 0, [1, 2])])
    with pytest.raises(
        DataFailure, match=r"1 messages repeat .* For example: id 2 at clicks/0 offset 3. Say on_repeat"
    ):
        table.commit([keyed_part(table, 2, [3, 2])])
    assert ids(table) == [1, 2]


def test_later_rows_of_a_stream_replace_earlier_ones(keyed):
    """In one commit and over several, after a start from the table and a compaction; the account says how many."""
    table = replace(keyed, key=replace(keyed.key, latest_by="at"))
    window = table.window()
    table.commit([keyed_part(table, 0, [1, 2, 1])], window)
    DeltaTable(table.root).optimize.compact()
    table.commit([keyed_part(table, 3, [2, 3], late=(2,))], window)
    table.commit([keyed_part(table, 5, [3]), keyed_part(table, 6, [3, 3])], table.window())
    rows = DeltaTable(table.root).to_pyarrow_table().to_pylist()
    assert sorted((row["id"], row["_offset"]) for row in rows) == [(1, 2), (2, 3), (3, 7)]
    total = stream_account(table.root)
    assert (total.read, total.accepted, total.duplicate, total.replaced, total.late) == (8, 5, 3, 2, 1)
    assert last_info(table.root)["stream"]["duplicates"] == "looked for by key, latest by at"
    table.commit([keyed_part(table, 8, [1, 2], first=0)], window)
    assert stream_account(table.root).duplicate == 5
    assert sorted(row["_offset"] for row in DeltaTable(table.root).to_pyarrow_table().to_pylist()) == [2, 3, 7]


def test_a_process_holds_one_window_of_a_table(keyed):
    """Keys in memory are bounded once, however many workers of the process commit; the last one lets go of them."""
    first, second = keyed.window(), replace(keyed).window()
    assert first is second
    gone = weakref.ref(first)
    del first, second
    assert gone() is None


def test_rows_that_a_rival_replaces_meanwhile_are_looked_at_anew(keyed, monkeypatch):
    """A replay that keeps the latest row takes files out of the table: the stream looks again and goes on."""
    window = keyed.window()
    keyed.commit([keyed_part(keyed, 0, [1, 2])], window)
    catch_up, files = window.catch_up, [open_snapshot(keyed.root).files]

    def catch_up_and_be_overtaken():
        version = catch_up()
        if files:
            new = keyed_part(keyed, 50, [2, 3]).files
            commit_once(keyed.root, [Token("rival", 1, None)], new, info={}, removes=files.pop())
        return version

    monkeypatch.setattr(window, "catch_up", catch_up_and_be_overtaken)
    keyed.commit([keyed_part(keyed, 2, [3, 4, 1])], window)
    assert ids(keyed) == [1, 2, 3, 4]
