"""Features are built once for every due row, as they were known, whatever comes when."""

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from headrace.failures import DataFailure
from headrace.lake.commit import last_info
from headrace.lake.layout import ModelFolder
from headrace.lake.reading import one_batch
from lib import shop
from pipelines import build_features, ingest_batch
from transforms import join_as_of

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


def more_prices(folder, hours):
    """A second file of prices beside the first: the same ones again, which are repeats, and those that follow."""
    first = folder / "raw/prices.jsonl"
    first.rename(folder / "first")
    shop.price_list(folder, hours)
    first.rename(folder / "raw/prices-2.jsonl")
    (folder / "first").rename(first)
    config = folder / "shop/prices.yaml"
    config.write_text(config.read_text().replace("raw/prices.jsonl", "raw/prices*.jsonl"))


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

    more_prices(tmp_path, 500)
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
    assert (summary["due"], summary["catch_up"], summary["read"]) == (21, 21, 21)  # old files are not read again
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


def test_waiting_rows_survive_a_compaction_of_their_table(tmp_path, monkeypatch):
    """Files in which rows wait are read again though they were merged meanwhile, and then once more."""
    monkeypatch.chdir(tmp_path)
    shop.write_project(tmp_path)
    model = shop.write_model(tmp_path, hours=100).relative_to(tmp_path)
    shop.deliver(tmp_path, "a.csv", range(1, 151))
    ingest()
    build(model)
    DeltaTable("lake/shop/orders/events").optimize.compact()
    shop.deliver(tmp_path, "b.csv", range(151, 161))
    ingest()
    build(model)
    assert features()["id"].to_list() == list(range(1, 97))

    more_prices(tmp_path, 500)
    ingest()
    build(model)
    assert features()["id"].to_list() == list(range(1, 161))


def test_a_joined_table_that_was_made_anew_makes_the_features_anew(model, tmp_path, capsys):
    """Its old rows are gone, and so are the features made of them."""
    build(model)
    (tmp_path / "lake/shop/regions").rename(tmp_path / "old")
    (tmp_path / "raw/regions.csv").write_text("north,cold,70\nwest,wet,90\n")
    ingest()
    build(model)
    assert last(capsys)["summary"]["due"] == 300
    assert set(features()["region__size"].to_list()) == {70, None}


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
    """Two regions for one shop would multiply rows: exit code 3 with the key, where ingest did not look for repeats."""
    config = tmp_path / "shop/regions.yaml"
    config.write_text(config.read_text().replace("key: [shop]\n", ""))
    (tmp_path / "lake/shop/regions").rename(tmp_path / "old")
    (tmp_path / "raw/regions.csv").write_text("north,cold,7\nnorth,warm,8\n")
    ingest()
    assert build(model) == 3
    assert "join region, data set regions" in last(capsys)["message"]


def test_a_slice_more_is_filled_for_every_row(model, tmp_path, capsys):
    """A column that is newly kept is no null in rows built before; the spec, and so a bundle, stays the same."""
    build(model)
    spec = last_info(FEATURES)["spec"]
    model.write_text(model.read_text().replace("slices: shop", "slices: [shop, note]"))
    build(model)
    assert features()["note"].null_count() == 0
    assert last_info(FEATURES)["spec"] == spec


def test_a_replaced_table_is_built_anew(model, tmp_path, capsys):
    """Another events table with the same version and low-water: its rows, and only its rows, have features."""
    build(model)
    (tmp_path / "lake/shop/orders").rename(tmp_path / "old")
    (tmp_path / "raw/orders/a.csv").unlink()
    shop.deliver(tmp_path, "b.csv", range(200, 301))
    ingest()
    build(model)
    assert features()["id"].to_list() == list(range(200, 301))


def test_a_build_that_waited_does_not_go_back(model, tmp_path, monkeypatch):
    """While one build waits for the lock another takes a late file: its rows are there once."""
    shop.deliver(tmp_path, "late.csv", range(301, 311))
    real = build_features.at_work

    def overtaken(folder):
        monkeypatch.setattr(build_features, "at_work", real)
        ingest()
        assert build(model) == 0
        return real(folder)

    monkeypatch.setattr(build_features, "at_work", overtaken)
    assert build(model) == 0
    shop.deliver(tmp_path, "later.csv", range(311, 316))
    ingest()
    build(model)
    assert features()["id"].to_list() == list(range(1, 316))


def test_a_new_column_is_null_in_older_files(model, tmp_path):
    """A contract that grows leaves the files as they are; as rows and as a side they can still be read."""
    orders, prices = tmp_path / "shop/orders.yaml", tmp_path / "shop/prices.yaml"
    orders.write_text(
        orders.read_text()
        .replace("    note: {type: string}", "    note: {type: string}\n    extra: {type: int}")
        .replace("id, placed, shop]}", "id, placed, shop, extra]}")
    )
    prices.write_text(
        prices.read_text()
        .replace("path: detail.price}", "path: detail.price}\n    tax: {type: double}")
        .replace("[shop, at, price]", "[shop, at, price, tax]")
    )
    model.write_text(
        model.read_text().replace("half: id / 2", "half: id / 2\n  more: extra").replace("[price]", "[price, tax]")
    )
    raw = (tmp_path / "raw/orders/a.csv").read_text().splitlines()
    (tmp_path / "raw/orders/b.csv").write_text(raw[0] + ";extra\n" + raw[5].replace("5;", "900;", 1) + ";4\n")
    ingest()
    assert build(model) == 0
    found = features()
    assert found["f__more"].null_count() == found.height - 1
    assert found["f__price__tax"].null_count() == found.height


def test_more_text_than_a_batch_holds_is_refused():
    """A table of several batches is never cut to its first."""
    column = pa.chunked_array([["a"], ["b"]])
    table = pa.table({"text": column})

    class Wide:
        num_rows, schema = 2, table.schema

        def combine_chunks(self):
            return table

    with pytest.raises(DataFailure, match="more than 2 GB of text"):
        one_batch(Wide(), "prices")


def test_a_side_table_is_read_once_by_a_process(model, monkeypatch):
    """However many blocks and threads join it; it never travels through the runner."""
    made, real = [], join_as_of.as_of_table
    monkeypatch.setattr(join_as_of, "as_of_table", lambda side: made.append(side.name) or real(side))
    shop.deliver(Path(), "b.csv", range(301, 400))
    ingest()
    assert build(model) == 0
    assert made == ["price"]
    assert features().height == 399


@pytest.mark.parametrize(("most", "limit"), [("MOST_BYTES", 100), ("MOST_ROWS", 10)])
def test_a_side_table_too_large_for_a_worker_is_refused(model, monkeypatch, capsys, most, limit):
    """By rows on the driver, by the bytes of the columns that are read on the worker; the cure is told."""
    monkeypatch.setattr(f"headrace.features.sides.{most}", limit)
    assert build(model) == 3
    message = last(capsys)["message"]
    assert message.startswith("join price: lake/shop/prices/events has ")
    assert "Narrow the data set" in message
