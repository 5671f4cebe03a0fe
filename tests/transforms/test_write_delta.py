"""The sink that other pipelines use: every row once per run, whoever dies and however often."""

import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.transforms.core import Windowing
from apache_beam.transforms.window import FixedWindows, GlobalWindows
from deltalake import DeltaTable

from headrace.failures import DataFailure, UsageFailure
from headrace.lake.compaction import Together, compact
from headrace.lake.orphans import orphans
from headrace.lake.partitions import by_partition
from headrace.lake.snapshot import open_snapshot
from headrace.rows.block import Block, Origin
from transforms.write_delta import Offsets, Run, WriteDelta

REPOSITORY = Path(__file__).parents[2]
SCHEMA = pa.schema([("n", pa.int64()), ("x", pa.float64()), ("part", pa.string()), ("at", pa.timestamp("us", "UTC"))])
BOUNDED = SimpleNamespace(windowing=Windowing(GlobalWindows()))
NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)


def batch(numbers, part="a", schema=SCHEMA):
    columns = {"n": numbers, "x": [float("nan"), *[1.0] * len(numbers)][: len(numbers)], "part": part, "at": NOON}
    columns |= {name: [columns[name]] * len(numbers) for name in ("part", "at")}
    return pa.record_batch({name: columns[name] for name in schema.names}, schema=schema)


def write(root, batches, run=1, schema=SCHEMA, **settings):
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        pipeline | beam.Create(batches) | WriteDelta(root, schema, Run("test", run), **settings)


def numbers(root):
    return sorted(pa.table(DeltaTable(root).to_pyarrow_table()).column("n").to_pylist())


@pytest.fixture
def root(tmp_path):
    """Where a table will stand."""
    return str(tmp_path / "table")


def test_a_run_adds_its_rows_once(root):
    """The same run again adds nothing, the next one does, and one without rows moves the token."""
    write(root, [batch([1, 2]), batch([3])])
    write(root, [batch([1, 2]), batch([3])])
    assert (numbers(root), DeltaTable(root).version()) == ([1, 2, 3], 1)
    write(root, [], run=2)
    write(root, [batch([4])], run=3)
    assert numbers(root) == [1, 2, 3, 4]
    assert DeltaTable(root).transaction_version("test") == 3


def test_a_run_that_is_overtaken_is_refused(root):
    """An old run that wakes up adds nothing to what later ones have committed."""
    write(root, [batch([1])], run=2)
    with pytest.raises(Exception, match="run 2 of test has committed, and this is run 1"):
        write(root, [batch([2])], run=1)
    assert numbers(root) == [1]


def test_partitions_are_those_of_the_values(root):
    """Each file holds one combination; null is null, a time has its Z, and statistics leave NaN out."""
    write(root, [batch([1, 2]), batch([3], part=None), batch([4, 5], part="b/ c=%")], partition_by=["part", "at"])
    files = open_snapshot(root).files
    assert sorted((f.partition["part"] or "", f.rows) for f in files) == [("", 1), ("a", 2), ("b/ c=%", 2)]
    log = (Path(root) / "_delta_log" / f"{1:020d}.json").read_text()
    assert '"at":"2024-01-02T12:00:00.000000Z"' in log
    assert all("x" not in file.high for file in files)
    assert numbers(root) == [1, 2, 3, 4, 5]
    for run in (2, 3, 4):
        write(root, [batch([run + 4], part="b/ c=%")], run=run, partition_by=["part", "at"])
    assert compact(root, Together()).before == 4
    files = open_snapshot(root).files
    assert sorted((f.partition["part"] or "", f.rows) for f in files) == [("", 1), ("a", 2), ("b/ c=%", 5)]
    assert numbers(root) == list(range(1, 9))
    assert len(orphans(root, open_snapshot(root).version, timedelta(0))) == 4


def test_what_cannot_be_a_partition_is_refused(root):
    """By name: a type where the pipeline is built, an empty text where it comes; nothing is committed."""
    for by, told in (("x", "x is double"), ("y", "y is no column")):
        with pytest.raises(DataFailure, match=told):
            WriteDelta(root, SCHEMA, Run("test", 1), partition_by=[by]).expand(BOUNDED)
    assert not Path(root).exists()
    with pytest.raises(Exception, match="part is an empty text"):
        write(root, [batch([1], part="")], partition_by=["part"])
    assert DeltaTable(root).version() == 0


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (pa.array(["é" * 50]), "a name of 302 bytes .* and file systems take 255"),
        (pa.array(["__HIVE_DEFAULT_PARTITION__"]), "p is the text __HIVE_DEFAULT_PARTITION__ in some rows"),
        (
            pa.array([10**7], pa.int32()).cast(pa.date32()),
            r"p is before the year 1 or after 9999 in some rows \(date32",
        ),
        (pa.array([10**18]).cast(pa.timestamp("us", "UTC")), r"after 9999 in some rows \(timestamp\[us, tz=UTC\]\)"),
    ],
)
def test_a_value_that_no_folder_can_name_is_refused(value, told):
    """With its column and why, before a file is made for it; what just fits is one partition."""
    with pytest.raises(DataFailure, match=told):
        list(by_partition(pa.record_batch({"p": value}), ["p"]))
    fits = pa.record_batch({"p": ["é" * 42]})
    assert [partition for partition, _ in by_partition(fits, ["p"])] == [{"p": "é" * 42}]


def test_a_new_column_is_added_and_another_type_refused(root):
    """Evolved where the pipeline is built: older rows are null there; a changed type stops before anything runs."""
    write(root, [batch([1])])
    wider = SCHEMA.append(pa.field("day", pa.date32()))
    rows = batch([2]).append_column("day", pa.array([date(2024, 1, 2)]))
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        pipeline | beam.Create([rows]) | WriteDelta(root, wider, Run("test", 2))
    assert pa.table(DeltaTable(root).to_pyarrow_table()).sort_by("n").column("day").to_pylist() == [
        None,
        date(2024, 1, 2),
    ]
    with pytest.raises(DataFailure, match="n: the table has int64, this run makes string"):
        WriteDelta(root, pa.schema([("n", pa.string())]), Run("test", 3)).expand(BOUNDED)


def test_what_a_table_would_change_is_refused_before_it_is_made(root):
    """A type it does not keep, and later another partitioning, under which values would be lost."""
    odd = pa.schema([("n", pa.large_string()), ("at", pa.timestamp("ms", "UTC")), ("u", pa.uint32())])
    with pytest.raises(DataFailure, match=r"n is large_string, at is timestamp\[ms, tz=UTC\], u is uint32"):
        write(root, [], schema=odd)
    assert not Path(root).exists()
    write(root, [batch([1])], partition_by=["part"])
    with pytest.raises(DataFailure, match="the table is parted by part, this run by nothing"):
        write(root, [batch([2])], run=2)
    assert pa.table(DeltaTable(root).to_pyarrow_table()).column("part").to_pylist() == ["a"]


def test_batches_without_rows_and_windows(root):
    """Nothing is nothing to write; an input in windows would be many commits, and is refused."""
    write(root, [batch([]), batch([1]), batch([])], partition_by=["part"])
    assert numbers(root) == [1]
    windowed = SimpleNamespace(windowing=Windowing(FixedWindows(10)))
    with pytest.raises(UsageFailure, match="global window"):
        WriteDelta(root, SCHEMA, Run("test", 2), partition_by=["part"]).expand(windowed)


def test_many_partition_columns_are_told_apart():
    """Combinations of values stay what they are, however many there are."""
    names = [f"c{n}" for n in range(6)]
    rows = pa.record_batch({name: [f"{n * (at + 7) % 5003}" for n in range(5003)] for at, name in enumerate(names)})
    for partition, part in by_partition(rows, names):
        assert part.to_pylist() == [partition]


def block(source, start, end, rows=None):
    """Rows n = offset of a source; with `rows` only so many of the range hold one."""
    numbers = list(range(start, end))[: end - start if rows is None else rows]
    return Block(Origin(source, start, end), batch(numbers, part=source))


def follow(root, blocks, begin=None, schema=SCHEMA, **settings):
    """One bounded run of the sink by offsets."""
    sink = WriteDelta(root, schema, Offsets("journal", begin or {"a": 0, "b": 0}), **settings)
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        pipeline | beam.Create(blocks) | sink
    return sink.next_offsets()


def test_rows_with_offsets_are_there_once(root):
    """Ranges come in any order, some without rows and some that the table has; the next run is told where to go on."""
    blocks = [block("a", 3, 5), block("b", 0, 4), block("a", 0, 3), block("a", 5, 9, rows=0)]
    assert follow(root, blocks) == {"a": 9, "b": 4}
    assert follow(root, blocks) == {"a": 9, "b": 4}
    assert follow(root, [block("b", 4, 6)], partition_by=[]) == {"a": 9, "b": 6}
    assert numbers(root) == sorted([*range(5), *range(6)])
    assert DeltaTable(root).transaction_version("journal/a") == 9
    assert follow(root, [block("c", 7, 8)], begin={"c": 7}) == {"c": 8}  # a source that came later


def test_files_by_offsets_are_parted_too(root):
    """One commit adds the files of all partitions."""
    follow(root, [block("a", 0, 4), block("b", 0, 2)], partition_by=["part"])
    assert sorted((f.partition["part"], f.rows) for f in open_snapshot(root).files) == [("a", 4), ("b", 2)]


def test_rows_of_a_row_group_are_sorted_where_asked(root):
    """Within each file; a column that is not there, or in no file, is refused where the pipeline is built."""
    write(root, [batch([3, 1]), batch([2], part="b")], partition_by=["part"], cluster_by=["n"])
    follow(root, [block("a", 0, 2)], partition_by=["part"], cluster_by=["at", "n"])
    files = [pq.read_table(file.path).column("n").to_pylist() for file in open_snapshot(root).files]
    assert sorted(files) == [[0, 1], [1, 3], [2]]
    with pytest.raises(DataFailure, match="cluster_by: m is no column; there are n, x, part, at"):
        WriteDelta(root, SCHEMA, Run("test", 9), cluster_by=["m"]).expand(BOUNDED)
    with pytest.raises(DataFailure, match="cluster_by: part parts the table"):
        WriteDelta(root, SCHEMA, Run("test", 9), partition_by=["part"], cluster_by=["n", "part"]).expand(BOUNDED)


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        ([block("a", 4, 6)], r"offsets never arrived and 1 files wait behind them for 0 s \(a 2..4\)"),
        ([block("a", 1, 6)], "a: offsets 1..6, the table has up to 2"),
    ],
)
def test_ranges_that_do_not_follow_stop_the_run(root, blocks, told):
    """A gap, and a range that is half in the table: nothing of them is committed."""
    follow(root, [block("a", 0, 2)])
    with pytest.raises(Exception, match=told):
        follow(root, blocks)
    assert numbers(root) == [0, 1]
    with pytest.raises(UsageFailure, match="written by runs; offsets are asked of a sink with by=Offsets"):
        WriteDelta(root, SCHEMA, Run("test", 1)).next_offsets()


RUN, FOLLOW = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)


def printed(folder, text, *arguments):
    """Run an example as it is printed."""
    assert len(text.splitlines()) < 40
    (folder / "example.py").write_text(text)
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    call = [sys.executable, "example.py", *arguments]
    subprocess.run(call, cwd=folder, env=env, check=True, timeout=120, capture_output=True)


def test_the_example_of_the_readme_runs(tmp_path):
    """As it is printed, twice: the second run of the same number adds nothing."""
    for _ in range(2):
        printed(tmp_path, RUN, "table", "1")
    table = pa.table(DeltaTable(str(tmp_path / "table")).to_pyarrow_table())
    assert sorted(table.column("n").to_pylist()) == list(range(10_000))
    assert len(open_snapshot(str(tmp_path / "table")).files) >= 2


def test_the_example_by_offsets_runs(tmp_path):
    """As it is printed, before and after the journal has grown."""
    lines = []
    for _ in range(2):
        lines += [f"entry {n}" for n in range(len(lines), len(lines) + 1000)]
        (tmp_path / "journal").write_text("".join(f"{line}\n" for line in lines))
        for _ in range(2):
            printed(tmp_path, FOLLOW, "table", "journal")
        assert sorted(DeltaTable(str(tmp_path / "table")).to_pyarrow_table().column("line").to_pylist()) == sorted(
            lines
        )
