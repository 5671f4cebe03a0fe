"""Commits of a topic's messages: once, in order, with every token and the account in the same commit."""

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from headrace.failures import Conflict, DataFailure, Failure
from headrace.lake.commit import last_info, stored_token
from headrace.lake.data_files import write_small
from headrace.lake.offsets import Part, Retained, Topic, TopicApps, cut_at
from headrace.lake.stream_account import StreamAccount
from headrace.lake.stream_commit import StreamTable, stream_account
from headrace.lake.tables import create_table
from headrace.rows.block import Origin

TOPIC = Topic("clicks", "Zx81", {0: Retained(0, 100), 1: Retained(5, 90)})
SCHEMA = pa.schema([("n", pa.int64())])


@pytest.fixture
def table(tmp_path):
    """An events table that has never seen a topic."""
    root = str(tmp_path / "events")
    return StreamTable("events", root, TopicApps("web", create_table(root, SCHEMA), "clicks"), "digest")


def part(table, partition, start, end, bad=0):
    """Messages of a partition, written; the first of them are bad, so another table gets those."""
    added = write_small(table.root, pa.RecordBatch.from_pydict({"n": list(range(start + bad, end))}, schema=SCHEMA))
    account = StreamAccount(read=end - start, accepted=end - start - bad, quarantined=bad, reasons={"x": bad})
    return Part((Origin(f"clicks/{partition}", start, end),), added[0] if added else None, account)


def numbers(table):
    return sorted(DeltaTable(table.root).to_pyarrow_table().column("n").to_pylist())


def test_to_begin_writes_a_token_for_every_partition_once(table):
    """What is read from where is fixed before the first message is; a second start changes nothing."""
    assert table.begin(TOPIC) == {0: 0, 1: 5}
    version = DeltaTable(table.root).version()
    assert table.begin(TOPIC) == {0: 0, 1: 5}
    assert DeltaTable(table.root).version() == version
    assert stored_token(table.root, f"web/ingest_stream/{table.apps.table_id}/clicks/1") == 5


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
    assert table.commit(parts) == ((), {"clicks/0": 30, "clicks/1": 8}, 0)
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
