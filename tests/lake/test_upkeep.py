"""Small files are put together and files nobody needs removed; no reader, however slow, loses or doubles a row."""

import datetime as dt
import os
import threading
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from headrace import storage
from headrace.failures import Conflict, DataFailure
from headrace.lake import compaction
from headrace.lake.changes import added_between
from headrace.lake.commit import Token, commit_once, stored_token
from headrace.lake.compaction import Together, compact, in_order, small_files
from headrace.lake.data_files import DataFileWriter
from headrace.lake.orphans import orphans, version_at
from headrace.lake.reading import read_file
from headrace.lake.snapshot import DataFile, Snapshot, open_snapshot
from headrace.lake.tables import create_table

SCHEMA = pa.schema([("n", pa.int64()), ("x", pa.float64()), ("part", pa.string())])
DAY = dt.timedelta(days=1)


def append(root, numbers, part="a", x=1.5):
    rows = pa.RecordBatch.from_pydict({"n": numbers, "x": [x] * len(numbers), "part": [part] * len(numbers)}, SCHEMA)
    with DataFileWriter(root, SCHEMA, partition={"part": part}) as file:
        file.write(rows)
        added = file.close()
    before = stored_token(root, "a")
    commit_once(root, [Token("a", (before or 0) + 1, before)], [added], info={})


@pytest.fixture
def root(tmp_path):
    """A partitioned table of ten small files in ten commits."""
    where = str(tmp_path / "table")
    create_table(where, SCHEMA, partition_by=["part"])
    for n in range(10):
        append(where, [2 * n, 2 * n + 1], "ab"[n % 2], float("nan") if n == 4 else n)
    return where


def rows(files):
    plain = pa.schema([f for f in SCHEMA if f.name != "part"])
    return sorted(n for file in files for n in read_file(file.path, plain).column("n").to_pylist())


def test_small_files_of_a_partition_become_one(root):
    """In the order of the column, statistics as honest as before, and every row once."""
    assert compact(root, Together("n"))[:2] == (10, 2)
    snapshot = open_snapshot(root)
    assert rows(snapshot.files) == list(range(20))
    assert [
        (file.partition, file.rows, file.low["n"]) for file in sorted(snapshot.files, key=lambda f: f.low["n"])
    ] == [
        ({"part": "a"}, 10, 0),
        ({"part": "b"}, 10, 2),
    ]
    assert ["x" in file.high for file in sorted(snapshot.files, key=lambda f: f.low["n"])] == [False, True]  # NaN
    assert compact(root, Together("n")) == (0, 0, 0)
    assert sorted(DeltaTable(root).to_pyarrow_table().column("n").to_pylist()) == list(range(20))


def test_a_reader_that_is_behind_sees_its_files_once(root):
    """What was appended after its version is read as it came, though it was put together since."""
    compact(root, Together())
    append(root, [100])
    newest = open_snapshot(root).version
    assert rows(added_between(root, 7, newest)) == [14, 15, 16, 17, 18, 19, 100]


def test_only_what_no_needed_version_names_is_removed(root):
    """Old files of a compaction stay as long as a reader is behind it; lost files of dead runs go, young ones never."""
    compact(root, Together())
    for name, age in (("dead.parquet", 9), ("young.parquet", 0)):
        path = Path(root) / name
        path.write_bytes(b"x" * 10)
        os.utime(path, (time.time() - age * 86_400,) * 2)
    for path in Path(root).rglob("*.parquet"):
        if path.name != "young.parquet":
            os.utime(path, (time.time() - 9 * 86_400,) * 2)
    behind = {Path(o.path).name for o in orphans(root, 7, 7 * DAY)}
    assert behind == {"dead.parquet"}
    newest = open_snapshot(root).version
    gone = {Path(o.path).name for o in orphans(root, newest, 7 * DAY)}
    assert len(gone) == 11
    assert "young.parquet" not in gone
    assert not gone & {file.name for file in open_snapshot(root).files}


def test_the_version_of_a_time_is_the_newest_before_it(root):
    """Beyond the table's beginning it is its first."""
    assert version_at(root, dt.datetime.now(dt.UTC)) == 10
    assert version_at(root, dt.datetime.now(dt.UTC) - DAY) == 0


def test_appends_go_on_beside_a_compaction(root):
    """A writer and a reader loop while files are put together: nothing is lost, doubled or refused."""
    stop = threading.Event()
    faults, seen = [], []

    def write():
        try:
            for n in range(1000, 1030):
                append(root, [n])
        except Exception as fault:  # noqa: BLE001  # whatever it is, the test tells it
            faults.append(fault)
        stop.set()

    def read():
        while not stop.is_set():
            seen.append(Counter(rows(open_snapshot(root).files)))

    threads = [threading.Thread(target=write), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    while not stop.is_set():
        compact(root, Together("n"))
    for thread in threads:
        thread.join()
    assert not faults
    assert all(max(found.values()) == 1 and set(range(20)) <= set(found) for found in seen)
    assert rows(open_snapshot(root).files) == [*range(20), *range(1000, 1030)]


def test_files_that_were_replaced_meanwhile_are_not_brought_back(root, monkeypatch):
    """Another run puts new rows in the place of all while old ones are being put together: a conflict."""
    real = compaction._together

    def replaced_first(snapshot, run, how):
        added = real(snapshot, run, how)
        if run[0].partition == {"part": "a"}:
            commit_once(root, [Token("b", 1, None)], [], info={}, replace={})
        return added

    monkeypatch.setattr(compaction, "_together", replaced_first)
    with pytest.raises(Conflict, match="changed while they were rewritten"):
        compact(root, Together())
    assert open_snapshot(root).files == ()


def test_another_compaction_meanwhile_doubles_nothing(root, monkeypatch):
    """An engine's own OPTIMIZE wins in between: ours gives up, and every row is there once."""
    real = compaction._together

    def optimized_first(snapshot, run, how):
        DeltaTable(root).optimize.compact()
        return real(snapshot, run, how)

    monkeypatch.setattr(compaction, "_together", optimized_first)
    with pytest.raises(Conflict, match="changed while they were rewritten"):
        compact(root, Together())
    assert sorted(DeltaTable(root).to_pyarrow_table().column("n").to_pylist()) == list(range(20))


def test_null_is_no_text_of_its_name(tmp_path):
    """A partition of null and one of the text None stay two."""
    root = str(tmp_path / "t")
    create_table(root, SCHEMA, partition_by=["part"])
    for n in range(8):
        append(root, [n], [None, "None"][n % 2])
    assert compact(root, Together())[:2] == (8, 2)
    found = DeltaTable(root).to_pyarrow_table().to_pylist()
    assert sorted((row["n"], row["part"]) for row in found if row["part"]) == [(n, "None") for n in (1, 3, 5, 7)]
    assert len(found) == 8


def test_what_is_committed_during_the_look_is_no_orphan(root, monkeypatch):
    """A file that appears in the folder and then in the log stays, whatever its age."""
    real = storage.listing

    def commit_in_between(folder):
        append(root, [500])
        found = real(folder)
        append(root, [501])
        return found

    monkeypatch.setattr(storage, "listing", commit_in_between)
    assert orphans(root, open_snapshot(root).version, dt.timedelta(0)) == []


def test_a_damaged_file_is_not_copied(root):
    """What a checksum refuses is told by name, and the table stays as it was."""
    file = open_snapshot(root).files[0]
    content = bytearray(Path(file.path).read_bytes())
    content[20:60] = reversed(content[20:60])
    Path(file.path).write_bytes(bytes(content))
    with pytest.raises(DataFailure, match="the file is damaged"):
        compact(root, Together())
    assert open_snapshot(root).version == 10


def test_rows_come_out_in_the_order_of_the_column(tmp_path):
    """Also where they did not come in it: whole where memory allows, else in parts that follow each other."""
    root = str(tmp_path / "t")
    create_table(root, SCHEMA, partition_by=["part"])
    for n in range(8):
        append(root, [100 * n + m for m in (5, 9, 2)] + ([1] if n == 7 else []))
    compact(root, Together("n"))
    (file,) = open_snapshot(root).files
    plain = pa.schema([f for f in SCHEMA if f.name != "part"])
    found = read_file(file.path, plain).column("n").to_pylist()
    assert found == sorted(found)
    batches = [pa.record_batch({"n": [3, 1, None]}), pa.record_batch({"n": [2, 9]}), pa.record_batch({"n": [4]})]
    parts = [batch.column("n").to_pylist() for batch in in_order(batches, "n", most_bytes=30)]
    assert parts == [[1, 2, 3, 9, None], [4]]


def test_files_follow_each_other_as_their_numbers_do():
    """Ten comes after nine: a run is made of neighbours, and what has no value stands before."""
    low = [{"n": 10}, {"n": 9}, {}, {"n": -1}]
    files = [DataFile("", f"{at}", 1, 1, {}, found, {}) for at, found in enumerate(low)]
    snapshot = Snapshot("t", "", 0, SCHEMA, tuple(files))
    ((run,)) = small_files(snapshot, Together("n"))
    assert [file.low for file in run] == [{}, {"n": -1}, {"n": 9}, {"n": 10}]
