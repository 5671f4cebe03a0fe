"""Batch ingest of files that are more than plain lines: packed, with cells that span lines."""

import gzip
import json
import os

import fastavro
import polars as pl
import pyarrow as pa
import pytest
import zstandard
from deltalake import DeltaTable

from headrace.lake.account_table import read_accounts
from headrace.lake.layout import DataSetFolder
from lib import shop
from pipelines import ingest_batch

FOLDER = DataSetFolder("lake", "shop", "orders")
HEADER = "id;placed;shop;amount;note\n"


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The shop's data-set file, from inside the working folder."""
    monkeypatch.chdir(tmp_path)
    return shop.write_project(tmp_path).relative_to(tmp_path)


def source_says(config, more):
    """Add to the section `source`, and take files of any name."""
    text = config.read_text().replace("raw/orders/*.csv", "raw/orders/*")
    config.write_text(text.replace("source: {", f"source: {{{more}"))


def ingest(config, *options):
    return ingest_batch.main(["--config", str(config), "--json", *options])


def events():
    return pl.from_arrow(pa.table(DeltaTable(FOLDER.events).to_pyarrow_table()))


def last(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_packed_files_give_the_rows_of_plain_ones(config, tmp_path, capsys):
    """A plain, a gz and a zst file in one folder are one table, and the account closes."""
    source_says(config, "")
    for name, ids in (("a", range(1, 100)), ("b", range(100, 200)), ("c", range(200, 300))):
        shop.deliver(tmp_path, name, ids)
    orders = tmp_path / "raw/orders"
    (orders / "b.gz").write_bytes(gzip.compress((orders / "b").read_bytes()))
    (orders / "c.zst").write_bytes(zstandard.compress((orders / "c").read_bytes()))
    (orders / "b").unlink()
    (orders / "c").unlink()
    assert ingest(config) == 0
    assert events()["id"].sort().to_list() == list(range(1, 300))
    (account,) = read_accounts(FOLDER)
    assert (account.read, account.accepted, account.files) == (299, 299, 3)
    assert ingest(config) == 0
    assert last(capsys)["summary"]["nothing_to_do"] is True


def packed(tmp_path, name, ids):
    """A delivered gz file of orders, as bytes."""
    shop.deliver(tmp_path, name, ids)
    plain = tmp_path / "raw/orders" / name
    content = gzip.compress(plain.read_bytes())
    plain.unlink()
    return tmp_path / f"raw/orders/{name}.gz", content


def test_a_damaged_archive_is_one_row_that_names_it(config, tmp_path, capsys):
    """What of it was read hides no row of other files; delivered whole under the same name it is ingested."""
    source_says(config, "")
    path, whole = packed(tmp_path, "a", range(1, 300_000))
    path.write_bytes(whole[:-9])
    shop.deliver(tmp_path, "b.csv", range(1, 5))  # in the file before too, of which the beginning could be read
    assert ingest(config) == 0
    summary = last(capsys)["summary"]
    assert (summary["files"], summary["refused"]) == (2, 1)
    assert (summary["read"], summary["accepted"], summary["quarantined"], summary["duplicate"]) == (5, 4, 1, 0)
    assert sorted(events()["id"]) == [1, 2, 3, 4]
    (row,) = DeltaTable(FOLDER.quarantine).to_pyarrow_table().to_pylist()
    assert (row["_file"], row["raw"], row["length"]) == ("raw/orders/a.gz", None, len(whole) - 9)
    assert (row["replayable"], row["reasons"]) == (False, ["file.damaged"])
    assert ingest(config) == 0
    assert last(capsys)["summary"]["nothing_to_do"] is True
    path.write_bytes(whole)
    assert ingest(config) == 0
    assert last(capsys)["summary"]["duplicate"] == 4
    assert events().height == 299_999


def test_a_share_of_rows_is_not_kept_by_leaving_files_out(config, tmp_path, capsys):
    """Beside stop_if.quarantined_share a damaged file stops the run by name, until so many are allowed."""
    source_says(config, "")
    config.write_text(config.read_text().replace("contract:\n", "contract:\n  stop_if: {quarantined_share: 0.9}\n"))
    path, whole = packed(tmp_path, "a", range(1, 50_000))
    path.write_bytes(whole[:-9])
    shop.deliver(tmp_path, "b.csv", range(50_000, 50_010))
    assert ingest(config) == 3
    message = last(capsys)["message"]
    assert "1 of 2 files cannot be read whole, contract.stop_if allows 0; nothing was committed" in message
    assert "raw/orders/a.gz: no whole gzip file" in message
    assert events().is_empty()
    allowed = config.read_text().replace("share: 0.9", "share: 0.9, refused_files: 1")
    config.write_text(allowed)
    assert ingest(config) == 0
    assert events().height == 10


def test_damage_found_after_a_part_is_committed_asks_for_the_files(config, tmp_path, capsys, monkeypatch):
    """The plan must be finished as it was sealed, so nothing is left out in silence."""
    source_says(config, "")
    path, whole = packed(tmp_path, "a", range(1, 50_000))
    path.write_bytes(whole)
    with monkeypatch.context() as patched:
        patched.setattr("headrace.lake.settle.reached", lambda _: 1 / 0)
        assert ingest(config) == 1
    status = path.stat()
    path.write_bytes(whole[:-9] + b"x" * 9)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert ingest(config) == 3
    assert "Put the files back as they were" in last(capsys)["message"]
    path.write_bytes(whole)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert ingest(config) == 0
    assert events().height == 49_999


def test_cells_that_span_lines_are_one_row(config, tmp_path):
    """With `multiline` a note of several lines is one value; a quote that stays open costs itself and what it opens."""
    source_says(config, "multiline: true, line: {max_bytes: 80b}, ")
    rows = [f'{n};2024-01-01T00:00:00Z;north;1;"first {n}\n\nlast"' for n in range(1, 40)]
    rows[20] = '99;2024-01-01T00:00:00Z;north;1;"open'
    (tmp_path / "raw/orders/a.csv").write_text(HEADER + "\n".join(rows) + "\n")
    assert ingest(config) == 0
    found = events().sort("id")
    assert found["id"].to_list() == [n for n in range(1, 40) if n not in (21, 22)]
    assert found["note"].to_list() == [f"first {n}\n\nlast" for n in found["id"]]
    (account,) = read_accounts(FOLDER)
    assert account.reasons == {"line.blank": 1, "line.quote": 2}
    assert account.read == 37 + 3


def write_parquet(rows, path):
    rows.write_parquet(path, row_group_size=70)


def write_avro(rows, path):
    kinds = {"id": "int", "placed": {"type": "long", "logicalType": "timestamp-millis"}, "amount": "double"}
    fields = [{"name": name, "type": kinds.get(name, "string")} for name in rows.columns]
    schema = {"type": "record", "name": "order", "fields": fields}
    with path.open("wb") as file:
        fastavro.writer(file, schema, rows.to_dicts(), codec="deflate", sync_interval=1000)


@pytest.mark.parametrize(("form", "write"), [("parquet", write_parquet), ("avro", write_avro)])
def test_typed_files_give_the_rows_of_csv(config, tmp_path, form, write):
    """The same orders with types, in several groups, are the same events; a row's place is its number."""
    shop.deliver(tmp_path, "a.csv", range(1, 300), bad=frozenset({7}))
    assert ingest(config) == 0
    expected = events().drop("_file", "_offset", "_plan").sort("id")
    orders = tmp_path / "raw/orders"
    raw = pl.read_csv(orders / "a.csv", separator=";", infer_schema=False)
    typed = raw.with_columns(
        pl.col("id").cast(pl.Int32),
        pl.col("placed").str.to_datetime(time_unit="ms", time_zone="UTC"),
        pl.col("amount").str.replace(",", ".").cast(pl.Float64),
    )
    write(typed, orders / f"a.{form}")
    config.write_text(
        config.read_text()
        .replace("dataset: orders", "dataset: typed")
        .replace('csv, path: raw/orders/*.csv, delimiter: ";", decimal: ","', f"{form}, path: raw/orders/*.{form}")
    )
    assert ingest(config) == 0
    folder = DataSetFolder("lake", "shop", "typed")
    found = pl.from_arrow(pa.table(DeltaTable(folder.events).to_pyarrow_table())).sort("id")
    assert found.select(expected.columns).equals(expected)
    assert found["_offset"].to_list() == [n - 1 for n in range(1, 300) if n != 7]
    (bad,) = DeltaTable(folder.quarantine).to_pyarrow_table().to_pylist()
    assert json.loads(bad["raw"])["shop"] == "nowhere"
    (account,) = read_accounts(folder)
    assert (account.read, account.quarantined) == (299, 1)
