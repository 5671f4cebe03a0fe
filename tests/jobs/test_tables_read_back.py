"""Our tables are plain Delta: every reader sees the same rows, also after repeats, replay and upkeep."""

import polars as pl
import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from headrace.cli.main import app
from lib import shop
from pipelines import ingest_batch, replay

TABLES = ("events", "quarantine", "accounts", "settlements")


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
    return where / "lake/shop/orders"


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


def test_statistics_hide_no_row(lake, spark):
    """A filter that Spark answers by the files' bounds finds what a look at every row finds."""
    root = str(lake / "events")
    rows = pl.from_arrow(DeltaTable(root).to_pyarrow_table())
    for low in (0.0, 12.5, 60.25, 159.5):
        found = spark.read.format("delta").load(root).where(f"amount > {low}").count()
        assert found == rows.filter(pl.col("amount") > low).height
    assert rows["id"].n_unique() == rows.height == 170
