"""Our tables are plain Delta: every reader sees the same rows, also after repeats, replay and upkeep."""

from datetime import UTC, datetime, timedelta

import apache_beam as beam
import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from headrace.cli.main import app
from headrace.lake.checkpoints import write_checkpoint
from headrace.rows.block import Block, Origin
from lib import shop
from pipelines import ingest_batch, replay
from transforms.write_delta import Offsets, WriteDelta

TABLES = ("events", "quarantine", "accounts", "settlements", "followed")
FOLLOWED = pa.schema(
    [
        ("n", pa.int64()),
        ("x", pa.float64()),
        ("text", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("part", pa.string()),
        ("hour", pa.timestamp("us", tz="UTC")),
        ("_late", pa.bool_()),
    ]
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A data set that has seen everything: repeats, a mended contract, small files put together."""
    where = tmp_path_factory.mktemp("readers")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(where)
        patch.setenv("HEADRACE_FAULT_TESTS", "1")  # files may be removed however young they are
        config = shop.write_project(where)
        for n in range(4):
            shop.deliver(where, f"{n}.csv", range(40 * n + 1, 40 * n + 51), bad=frozenset({40 * n + 7}))
            assert ingest_batch.main(["--config", "shop/orders.yaml"]) == 0
        config.write_text(config.read_text().replace("in: [north, south]", "in: [north, south, nowhere]"))
        assert replay.main(["--config", "shop/orders.yaml"]) == 0
        assert CliRunner().invoke(app, ["upkeep", "shop", "--older-than", "0s"]).exit_code == 0
        follow(str(where / "lake/shop/orders/followed"))
    return where / "lake/shop/orders"


def block(start, end):
    """Rows that readers may take differently: NaN, infinity, texts longer than statistics, odd partitions."""
    odd = [float("nan"), float("inf"), -0.0, None, 1.5]
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    rows = {
        "n": list(range(start, end)),
        "x": [odd[n % 5] for n in range(start, end)],
        "text": [("\U0010ffff" if n % 2 else "z") * (n % 80) for n in range(start, end)],
        "at": [moment + timedelta(microseconds=n) for n in range(start, end)],
        "part": [[None, "a/ b=%", "é"][n % 3] for n in range(start, end)],
        "hour": [moment + timedelta(hours=n % 2) for n in range(start, end)],
        "_late": [[None, True, False][n % 3] for n in range(start, end)],
    }
    return Block(Origin("journal", start, end), pa.RecordBatch.from_pydict(rows, schema=FOLLOWED))


def follow(root):
    """A table that the sink has committed to by offsets, over a checkpoint of its log."""
    for start in range(0, 300, 100):
        with beam.Pipeline(runner="FnApiRunner") as pipeline:
            blocks = pipeline | beam.Create([block(start, start + 60), block(start + 60, start + 100)])
            blocks | WriteDelta(root, FOLLOWED, Offsets("test", {"journal": 0}), ["part", "hour"], ["x", "n"])
        if start == 100:
            write_checkpoint(DeltaTable(root))


def ordered(rows):
    return sorted(map(repr, rows))


@pytest.mark.parametrize("table", TABLES)
def test_every_reader_sees_the_same_rows(lake, spark, table):
    """delta-rs, Polars and delta-spark, all columns; statistics prune nothing that is there."""
    root = str(lake / table)
    rust = pl.from_arrow(DeltaTable(root).to_pyarrow_table())
    polars = pl.read_delta(root)
    java = pl.from_arrow(spark.read.format("delta").load(root).toArrow())
    columns = sorted(rust.columns)
    assert rust.height > 0
    assert ordered(polars.select(columns).rows()) == ordered(rust.select(columns).rows())
    assert ordered(java.select(columns).rows()) == ordered(rust.select(columns).rows())


def test_bounds_of_a_table_by_offsets_hide_no_row(lake, spark):
    """Filters on what statistics and partitions tell: the text cut short, the time, a null partition, the late flag."""
    root = str(lake / "followed")
    rows = pl.from_arrow(DeltaTable(root).to_pyarrow_table())
    assert rows["n"].sort().to_list() == list(range(300))
    java = spark.read.format("delta").load(root)
    for where, found in (
        ("text > 'zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz'", pl.col("text") > "z" * 40),
        ("x > 1.5", pl.col("x").is_nan() | (pl.col("x") > 1.5)),  # Spark holds NaN for the greatest
        ("part is null", pl.col("part").is_null()),
        ("hour = '2026-01-01T01:00:00Z'", pl.col("hour") == datetime(2026, 1, 1, 1, tzinfo=UTC)),
        ("_late", pl.col("_late")),
    ):
        assert java.where(where).count() == rows.filter(found).height > 0, where


def test_statistics_hide_no_row(lake, spark):
    """A filter that Spark answers by the files' bounds finds what a look at every row finds."""
    root = str(lake / "events")
    rows = pl.from_arrow(DeltaTable(root).to_pyarrow_table())
    for low in (0.0, 12.5, 60.25, 159.5):
        found = spark.read.format("delta").load(root).where(f"amount > {low}").count()
        assert found == rows.filter(pl.col("amount") > low).height
    assert rows["id"].n_unique() == rows.height == 170
