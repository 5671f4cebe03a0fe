"""Features are built once for every due row, as they were known, whatever comes when."""

import json
from datetime import timedelta

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from headrace.lake.commit import last_info
from headrace.lake.layout import ModelFolder
from lib import shop
from pipelines import build_features, ingest_batch

FEATURES = ModelFolder("lake", "shop", "big").features


@pytest.fixture
def model(tmp_path, monkeypatch):
    """The shop with its model, orders 1..300 delivered and everything ingested."""
    monkeypatch.chdir(tmp_path)
    shop.write_project(tmp_path)
    config = shop.write_model(tmp_path).relative_to(tmp_path)
    shop.deliver(tmp_path, "a.csv", range(1, 301))
    ingest()
    return config


def ingest():
    for name in ("orders", "prices", "regions"):
        assert ingest_batch.main(["--config", f"shop/{name}.yaml", "--json"]) == 0


def build(model):
    return build_features.main(["--config", str(model), "--json"])


def features():
    return pl.from_arrow(pa.table(DeltaTable(FEATURES).to_pyarrow_table())).sort("id")


def last(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_features_equal_an_independent_join(model):
    """Polars' own as-of join and look-up give the same values, row by row."""
    assert build(model) == 0
    orders = pl.from_arrow(pa.table(DeltaTable("lake/shop/orders/events").to_pyarrow_table()))
    prices = pl.from_arrow(pa.table(DeltaTable("lake/shop/prices/events").to_pyarrow_table()))
    asked = orders.select("id", "shop", predict_at=pl.col("placed") - timedelta(hours=1)).sort("predict_at")
    known = prices.select("shop", "at", "price", seen=pl.col("at") + timedelta(hours=1)).sort("seen")
    joined = asked.join_asof(known, left_on="predict_at", right_on="seen", by="shop", strategy="backward")
    fresh = pl.col("predict_at") - pl.col("at") <= timedelta(hours=12)
    expected = joined.select(
        "id",
        "predict_at",
        pl.when(fresh).then("price").cast(pl.Float32).alias("f__price__price"),
        (pl.col("id") / 2).cast(pl.Float32).alias("f__half"),
        pl.when(pl.col("shop") == "north").then(pl.lit(7)).cast(pl.Int64).alias("region__size"),
    ).sort("id")
    assert features().select(expected.columns).equals(expected)
    assert 0 < expected["f__price__price"].null_count() < expected.height


def test_a_second_build_finds_nothing_to_do(model, capsys):
    """No new version where no input moved."""
    build(model)
    version = DeltaTable(FEATURES).version()
    build(model)
    assert last(capsys)["summary"]["nothing_to_do"] is True
    assert DeltaTable(FEATURES).version() == version


def test_rows_wait_for_the_slowest_input(tmp_path, monkeypatch, capsys):
    """Prices end at hour 95: orders whose prediction is due later wait, and are built when prices come."""
    monkeypatch.chdir(tmp_path)
    shop.write_project(tmp_path)
    model = shop.write_model(tmp_path, hours=100).relative_to(tmp_path)
    shop.deliver(tmp_path, "a.csv", range(1, 151))
    ingest()
    build(model)
    summary = last(capsys)["summary"]
    assert (summary["due"], summary["waiting"]) == (96, 54)

    (tmp_path / "raw/prices.jsonl").rename(tmp_path / "raw/prices-1.jsonl")
    config = tmp_path / "shop/prices.yaml"
    config.write_text(config.read_text().replace("raw/prices.jsonl", "raw/prices*.jsonl"))
    (tmp_path / "lake/shop/prices").rename(tmp_path / "old")
    shop.price_list(tmp_path, 500)
    (tmp_path / "raw/prices-1.jsonl").unlink()
    ingest()
    build(model)
    summary = last(capsys)["summary"]
    assert (summary["due"], summary["built"], summary["waiting"]) == (54, 96, 0)
    assert features()["id"].to_list() == list(range(1, 151))


def test_a_late_file_is_caught_up_and_nothing_is_rewritten(model, tmp_path, capsys):
    """Rows whose time was built before they arrived get their features once; older rows keep theirs."""
    build(model)
    before = {add["path"] for add in pa.table(DeltaTable(FEATURES).get_add_actions()).to_pylist()}
    shop.deliver(tmp_path, "late.csv", range(-20, 1))
    config = tmp_path / "shop/orders.yaml"
    config.write_text(config.read_text().replace("min: 1}", "min: -100}"))
    ingest()
    build(model)
    summary = last(capsys)["summary"]
    assert (summary["due"], summary["catch_up"], summary["built"]) == (21, 21, 300)
    assert features()["id"].to_list() == list(range(-20, 301))
    after = {add["path"] for add in pa.table(DeltaTable(FEATURES).get_add_actions()).to_pylist()}
    assert before < after


def test_late_rows_survive_a_compaction_of_their_table(model, tmp_path):
    """A late file that was merged with old ones before the build is still caught up, and old rows are not doubled."""
    build(model)
    shop.deliver(tmp_path, "late.csv", range(-20, 1))
    config = tmp_path / "shop/orders.yaml"
    config.write_text(config.read_text().replace("min: 1}", "min: -100}"))
    ingest()
    DeltaTable("lake/shop/orders/events").optimize.compact()
    build(model)
    assert features()["id"].to_list() == list(range(-20, 301))


def test_another_spec_is_built_again_whole(model, tmp_path, capsys):
    """A changed feature replaces every row in one commit; going back replaces them again."""
    build(model)
    original = model.read_text()
    for text in (original.replace("id / 2", "id / 4"), original):
        model.write_text(text)
        build(model)
        assert last(capsys)["summary"]["due"] == 300
        divisor = 4 if "id / 4" in text else 2
        assert features()["f__half"].to_list() == [n / divisor for n in range(1, 301)]


def test_a_feature_from_the_future_is_refused(model, capsys):
    """The amount is known when the order is placed, an hour after the prediction: exit code 2, by name."""
    model.write_text(model.read_text().replace("half: id / 2", "half: amount / 2"))
    assert build(model) == 2
    message = last(capsys)["message"]
    assert "shop/big.yaml" in message
    assert "amount" in message
    assert "placed" in message


def test_inputs_are_pinned_in_the_commit(model):
    """Which version of every table a build read stands in its commit."""
    build(model)
    inputs = last_info(FEATURES)["inputs"]
    assert {name: inputs[name]["version"] for name in inputs} == {"rows": 1, "price": 1, "region": 1}


def test_a_repeated_key_in_a_look_up_is_named(model, tmp_path, capsys):
    """Two regions for one shop would multiply rows: exit code 3 with the key."""
    (tmp_path / "lake/shop/regions").rename(tmp_path / "old")
    (tmp_path / "raw/regions.csv").write_text("north,cold,7\nnorth,warm,8\n")
    ingest()
    assert build(model) == 3
    assert "join region, data set regions" in last(capsys)["message"]
