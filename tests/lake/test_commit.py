"""A commit happens once, with the right tokens, or not at all."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from headrace.failures import Conflict, DataFailure
from headrace.lake import checkpoints
from headrace.lake.changes import added_between
from headrace.lake.commit import Token, commit_once, last_info, newest_infos, stored_token
from headrace.lake.data_files import DataFileWriter, write_small
from headrace.lake.snapshot import open_snapshot, row_groups
from headrace.lake.tables import create_table

SCHEMA = pa.schema([("n", pa.int64())])


@pytest.fixture
def root(tmp_path):
    """An empty table."""
    where = str(tmp_path / "table")
    create_table(where, SCHEMA)
    return where


def rows(*numbers):
    return pa.RecordBatch.from_pydict({"n": list(numbers)}, schema=SCHEMA)


def test_a_token_commits_once(root):
    """The second call with the same token writes nothing and says which version carries it."""
    adds = write_small(root, rows(1, 2))
    first = commit_once(root, [Token("a", 1, None)], adds, info={})
    second = commit_once(root, [Token("a", 1, None)], adds, info={})
    assert (first.fresh, second.fresh) == (True, False)
    assert first.version == second.version
    assert open_snapshot(root).rows == 2


def test_an_unexpected_token_is_a_conflict(root):
    """A run that read an older token than the table carries may not commit over it."""
    commit_once(root, [Token("a", 1, None)], [], info={})
    with pytest.raises(Conflict, match="expected None, found 1"):
        commit_once(root, [Token("a", 2, None)], [], info={})
    assert stored_token(root, "a") == 1


def test_several_tokens_move_together(root):
    """Two apps in one commit are both set, or neither."""
    commit_once(root, [Token("a", 5, None), Token("b", 7, None)], [], info={})
    with pytest.raises(Conflict, match="b: expected 6, found 7"):
        commit_once(root, [Token("a", 6, 5), Token("b", 8, 6)], [], info={})
    assert (stored_token(root, "a"), stored_token(root, "b")) == (5, 7)


def test_rivals_with_one_token_commit_one_of_them(root):
    """Eight at once with the same token: one adds its rows, the others find it done."""

    def commit(number):
        return commit_once(root, [Token("a", 1, None)], write_small(root, rows(number)), info={})

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(commit, range(8)))
    assert sum(o.fresh for o in outcomes) == 1
    assert open_snapshot(root).rows == 1


def test_rivals_with_their_own_tokens_all_commit(root):
    """A commit that loses the race reads its token again and wins later."""

    def commit(number):
        return commit_once(root, [Token(f"app {number}", 0, None)], write_small(root, rows(number)), info={})

    with ThreadPoolExecutor(4) as pool:
        assert all(o.fresh for o in pool.map(commit, range(4)))
    assert open_snapshot(root).rows == 4


def test_replace_takes_the_place_of_what_was_there(root):
    """After a replacing commit the old files are gone and the new ones are all there is."""
    commit_once(root, [Token("a", 1, None)], write_small(root, rows(1, 2)), info={})
    commit_once(root, [Token("a", 2, 1)], write_small(root, rows(3)), info={}, replace={})
    assert DeltaTable(root).to_pyarrow_table().to_pydict() == {"n": [3]}


def test_a_missing_file_is_not_committed(root):
    """Delta would accept the add of a file that is not there; we do not."""
    (added,) = write_small(root, rows(1))
    with pytest.raises(DataFailure, match=r"gone\.parquet"):
        commit_once(root, [Token("a", 1, None)], [added._replace(name="gone.parquet")], info={})
    assert stored_token(root, "a") is None


def test_what_a_commit_says_of_itself_is_read_back(root):
    """The account travels in the commit's metadata, newest first."""
    commit_once(root, [Token("a", 1, None)], [], info={"account": {"read": 3}})
    commit_once(root, [Token("a", 2, 1)], [], info={"account": {"read": 4}})
    assert [i["account"]["read"] for i in newest_infos(root)] == [4, 3]
    assert last_info(root)["version"] == 2


def test_a_table_with_features_we_would_break_is_refused(tmp_path):
    """A plain append into a change-data-feed table would leave a hole in its feed."""
    root = str(tmp_path / "table")
    DeltaTable.create(root, SCHEMA, configuration={"delta.enableChangeDataFeed": "true"})
    with pytest.raises(DataFailure, match="which an append of ours would not keep"):
        commit_once(root, [Token("a", 1, None)], [], info={})


def test_statistics_of_a_file_are_bounds_or_absent(tmp_path):
    """NaN leaves a float column without bounds; a long string's maximum is above it; times end in Z."""
    schema = pa.schema(
        [
            ("f", pa.float64()),
            ("g", pa.float32()),
            ("s", pa.string()),
            ("t", pa.timestamp("us", "UTC")),
            ("z", pa.int64()),
        ]
    )
    moment = dt.datetime(2013, 1, 1, 0, 0, 0, 1, tzinfo=dt.UTC)
    table = str(tmp_path / "t")
    create_table(table, schema)
    writer = DataFileWriter(table, schema)
    batch = {"f": [1.0, float("nan")], "g": [-0.0, None], "s": ["b" * 99, "a"], "t": [moment, None], "z": [None, None]}
    writer.write(pa.RecordBatch.from_pydict(batch, schema=schema))
    added = writer.close()
    commit_once(table, [Token("a", 1, None)], [added], info={})
    (file,) = open_snapshot(table).files
    assert file.low == {"g": 0.0, "s": "a", "t": moment}
    assert file.high["s"] == "b" * 64 + "\U0010ffff"
    assert file.high["t"] == moment
    assert '"t":"2013-01-01T00:00:00.000001Z"' in added.stats
    assert '"nullCount":{"f":0,"g":1,"s":0,"t":1,"z":2}' in added.stats


def test_a_time_behind_many_columns_has_bounds(tmp_path):
    """How far a table is complete is read from them, so they do not depend on a column's place."""
    kinds = {**{f"c{n}": pa.int64() for n in range(40)}, "t": pa.timestamp("us", "UTC")}
    schema = pa.schema(list(kinds.items()))
    table, moment = str(tmp_path / "t"), dt.datetime(2013, 1, 1, tzinfo=dt.UTC)
    create_table(table, schema)
    batch = {**{name: [1] for name in kinds}, "t": [moment]}
    adds = write_small(table, pa.RecordBatch.from_pydict(batch, schema=schema))
    commit_once(table, [Token("a", 1, None)], adds, info={})
    (file,) = open_snapshot(table).files
    assert (file.high["t"], "c39" in file.high) == (moment, False)


def test_schema_grows_by_nullable_columns_only(root):
    """A new column is added; a changed type is refused with both types named."""
    create_table(root, SCHEMA.append(pa.field("m", pa.string())))
    assert open_snapshot(root).schema.names == ["n", "m"]
    with pytest.raises(DataFailure, match="n: the table has int64, this run makes string"):
        create_table(root, pa.schema([("n", pa.string())]))


def test_row_groups_have_the_size_asked_for(root):
    """Rows are regrouped whatever the size of the batches they came in."""
    writer = DataFileWriter(root, SCHEMA, row_group_rows=4)
    for start in range(0, 10, 5):
        writer.write(rows(*range(start, start + 5)))
    added = writer.close()
    commit_once(root, [Token("a", 1, None)], [added], info={})
    assert [g.rows for g in row_groups(open_snapshot(root).files)] == [4, 4, 2]


def test_long_rows_end_a_row_group_early(root):
    """Bytes bound what is held in memory; nothing is lost or reordered by it."""
    writer = DataFileWriter(root, SCHEMA, row_group_bytes=80)
    for start in range(0, 30, 6):
        writer.write(rows(*range(start, start + 6)))
    added = writer.close()
    commit_once(root, [Token("a", 1, None)], [added], info={})
    assert [g.rows for g in row_groups(open_snapshot(root).files)] == [12, 12, 6]
    assert DeltaTable(root).to_pyarrow_table().column("n").to_pylist() == list(range(30))


def test_a_writer_without_rows_leaves_no_file(root, tmp_path):
    """Nothing was written, so nothing may be added."""
    assert DataFileWriter(root, SCHEMA).close() is None
    assert not list((tmp_path / "table").glob("*.parquet"))


def test_files_are_replaced_in_the_commit_that_adds_the_new_ones(root):
    """Readers see the old rows or the new; where somebody else has replaced them already, nothing happens."""
    commit_once(root, [Token("a", 1, None)], write_small(root, rows(1, 2)), info={})
    commit_once(root, [Token("a", 2, 1)], write_small(root, rows(3)), info={})
    first = next(file for file in open_snapshot(root).files if file.rows == 2)
    commit_once(root, [Token("a", 3, 2)], write_small(root, rows(4)), info={}, removes=[first])
    assert sorted(DeltaTable(root).to_pyarrow_table().column("n").to_pylist()) == [3, 4]
    with pytest.raises(Conflict, match="1 files that were to be replaced are not there any more"):
        commit_once(root, [Token("a", 4, 3)], write_small(root, rows(5)), info={}, removes=[first])
    with pytest.raises(DataFailure, match="deleted or changed rows"):
        added_between(root, 1, open_snapshot(root).version)


def test_checkpoints_are_written_beside_the_commits(root, monkeypatch):
    """Every so many commits, by a thread of its own; one that fails is no failure of the commit."""
    monkeypatch.setattr(checkpoints, "EVERY", 3)
    for number in range(1, 8):
        commit_once(root, [Token("a", number, number - 1 or None)], write_small(root, rows(number)), info={})
        for thread in threading.enumerate():
            if thread.name == f"checkpoint {root}":
                thread.join()
        if number == 4:
            monkeypatch.setattr(checkpoints, "write_checkpoint", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    assert [path.name[:20] for path in (Path(root) / "_delta_log").glob("*.checkpoint.parquet")] == [f"{3:020d}"]
    assert sorted(DeltaTable(root).to_pyarrow_table().column("n").to_pylist()) == list(range(1, 8))
