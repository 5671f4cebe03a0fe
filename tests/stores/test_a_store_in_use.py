"""Sources and tables on a store, by the entry points in this process: what they read, ask for, refuse and leave."""

import gzip
import io
import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import apache_beam as beam
import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from headrace import storage
from headrace.cli.main import app
from headrace.lake.account_table import read_accounts
from headrace.lake.snapshot import open_snapshot
from headrace.rows.block import Block, Origin
from headrace.storage import reach
from lib.flaky import flaky
from lib.stored_shop import StoredShop
from pipelines import build_features, ingest_batch, replay
from transforms.write_delta import Offsets, Run, WriteDelta


@pytest.fixture
def project(tmp_path, store, double, monkeypatch):
    """The shop, from inside its folder; nothing is delivered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADRACE_FAULT_TESTS", "1")  # upkeep may remove files however young they are
    return StoredShop(tmp_path, store, double.env)


def run(entry_point, config="shop/orders.yaml"):
    return entry_point.main(["--config", config, "--place", "place.yaml", "--json"])


def headrace(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments), "--place", "place.yaml"])


def last(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_every_format_is_read_from_a_store(project, store, capsys):
    """Lines, packed lines, JSON, Parquet and Avro, from folders that give a column, make the same rows."""
    rows = [{"id": n, "shop": "north", "amount": n / 2} for n in range(1, 301)]
    csv = "id;shop;amount\n" + "".join(f"{r['id']};{r['shop']};{r['amount']}\n" for r in rows)
    jsonl = "".join(json.dumps(row) + "\n" for row in rows)
    parquet, avro = io.BytesIO(), io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), parquet, row_group_size=100)
    kinds = {"id": "long", "shop": "string", "amount": "double"}
    schema = {"type": "record", "name": "row", "fields": [{"name": n, "type": t} for n, t in kinds.items()]}
    fastavro.writer(avro, schema, rows, sync_interval=500)
    text = """
dataset: {kind}
source: {{format: {kind}, path: {store}/raw/{kind}/day=*/*.*, folders: [day]{more}}}
contract:
  columns: {{day: {{type: date}}, id: {{type: int, required: true}}, shop: {{type: string}}, amount: {{type: double}}}}
known: always
"""
    files = {
        "csv": {"a.csv": csv.encode(), "b.csv.gz": gzip.compress(csv.encode())},
        "jsonl": {"a.jsonl": jsonl.encode()},
        "parquet": {"a.parquet": parquet.getvalue()},
        "avro": {"a.avro": avro.getvalue()},
    }
    for kind, contents in files.items():
        more = ", delimiter: ';'" if kind == "csv" else ""
        (project.folder / "shop" / f"{kind}.yaml").write_text(text.format(kind=kind, store=store, more=more))
        for day in (1, 2):
            for name, content in contents.items():
                storage.put(f"{store}/raw/{kind}/day=2024-01-0{day}/{name}", content)
        assert run(ingest_batch, f"shop/{kind}.yaml") == 0, capsys.readouterr().out
        table = DeltaTable(f"{store}/lake/shop/{kind}/events").to_pyarrow_table().select(["id", "shop", "amount"])
        times = 2 * len(contents)
        assert Counter(map(tuple, (row.values() for row in table.to_pylist()))) == Counter(
            {tuple(row.values()): times for row in rows}
        )


def test_a_changed_object_is_refused_by_its_etag(project, capsys):
    """Also one of as many bytes, unless it may be loaded again; the same content put again is the same object."""
    project.deliver("a.csv", range(1, 100))
    assert run(ingest_batch) == 0
    project.deliver("a.csv", range(1, 100))
    capsys.readouterr()
    assert run(ingest_batch) == 0
    assert last(capsys)["summary"]["nothing_to_do"] is True
    path = f"{project.store}/raw/orders/a.csv"
    storage.put(path, storage.read(path).replace(b"north", b"south"))
    assert run(ingest_batch) == 3
    assert f"{path}: was ingested, and is another object of as many bytes now (etag" in last(capsys)["message"]
    project.edit("source: {", "source: {changed: reload, ")
    assert run(ingest_batch) == 0
    table = DeltaTable(project.lake.events).to_pyarrow_table()
    assert set(table.column("shop").to_pylist()) == {"south"}
    assert project.ids() == Counter(range(1, 100))
    # By another name of the same store it is the same object.
    capsys.readouterr()
    project.edit("path: s3://", "path: s3a://")
    assert run(ingest_batch) == 0
    assert last(capsys)["summary"]["nothing_to_do"] is True


def test_requests_grow_with_the_ranges_alone(project, double):
    """Of a hundred objects each is looked into once and read once; what is known from a listing is not asked for."""
    for n in range(100):
        project.deliver(f"{n:03}.csv", range(10 * n + 1, 10 * n + 11))
    before = len(double.asked())
    assert run(ingest_batch) == 0
    asked = Counter(
        (method, "object" if "/raw/orders/" in path else "listing" if "prefix=raw" in path else "lake")
        for method, path in double.asked()[before:]
    )
    assert project.ids() == Counter(range(1, 1001))
    assert asked["GET", "object"] == 200
    assert asked["HEAD", "object"] == 100
    assert asked["GET", "listing"] <= 4
    assert asked["HEAD", "lake"] + asked["PUT", "lake"] < 30  # what is written does not know how many files there were


def test_a_store_that_fails_now_and_then_loses_nothing(project, double, monkeypatch):
    """Answers of 503, and answers that are lost after the store has done what was asked: in the end all is exact."""
    for n in range(3):
        project.deliver(f"{n}.csv", range(100 * n + 1, 100 * n + 101), bad=frozenset({100 * n + 7}))
    with flaky(double.endpoint, refused=40, lost=23) as way, monkeypatch.context() as through:
        through.setattr(reach, "_reached", {})
        through.setenv("AWS_ENDPOINT_URL", way)
        codes = list(takewhile(bool, (run(ingest_batch) for _ in range(5))))
    assert set(codes) <= {4, 6}
    assert project.ids() == Counter(set(range(1, 301)) - {7, 107, 207})
    assert [(a.read, a.quarantined) for a in read_accounts(project.lake)] == [(300, 3)]


def test_people_look_after_a_lake_on_a_store(project, capsys):
    """Every command about tables; replay and features are built; a reset leaves the raw objects alone."""
    (project.folder / "shop/big.yaml").write_text(MODEL)
    project.deliver("a.csv", range(1, 301), bad=frozenset({7, 77}))
    assert run(ingest_batch) == 0
    assert run(build_features, "shop/big.yaml") == 0
    assert open_snapshot(project.model.features).rows > 0

    assert "orders/events" in headrace("status", "shop").stdout
    assert "quarantined" in headrace("history", "shop/orders.yaml", "--json").stdout
    assert "0 new files" in headrace("plan", "shop/orders.yaml").stdout
    assert "shop.in" in headrace("quarantine", "shop/orders.yaml").stdout
    assert headrace("metrics", "shop", "--to", f"{project.store}/prom/shop.prom").exit_code == 0
    assert b'headrace_rows_total{data_set="orders",state="read"} 300' in storage.read(f"{project.store}/prom/shop.prom")
    sample = CliRunner().invoke(app, ["sample", "flights", "--to", f"{project.store}/raw"])
    assert (sample.exit_code, "copy them to the store" in sample.output) == (2, True)

    project.edit("[north, south]", "[north, south, nowhere]")
    assert run(replay) == 0
    assert last(capsys)["summary"]["accepted"] == 2
    assert project.ids() == Counter(range(1, 301))

    storage.put(f"{project.lake.events}/orphan.parquet", b"of a killed run")
    later = datetime.now(UTC) + timedelta(hours=1)  # as if the last run had begun since
    storage.put(f"{project.lake.root}/_begun", later.isoformat().encode())
    time.sleep(1.1)  # a store tells times in seconds
    kept = headrace("upkeep", "shop", "--older-than", "0s")
    assert kept.exit_code == 0, kept.output
    assert storage.status(f"{project.lake.events}/orphan.parquet") is None
    assert storage.status(f"{project.lake.events}/_delta_log/_last_checkpoint") is not None
    assert project.ids() == Counter(range(1, 301))

    assert headrace("reset", "shop/orders.yaml", "--yes").exit_code == 0
    assert storage.names(project.lake.root) == []
    assert "1 new file," in headrace("plan", "shop/orders.yaml").stdout


MODEL = """
model: big
rows: orders
predict_at: placed - hours(1)
features: {half: id / 2}
split: {train: [2024-01-01, 2024-01-10], valid: [2024-01-10, 2024-01-13]}
label: {from: orders, on: key, value: amount > 400}
train: {objective: binary:logistic, rounds: 5}
"""


def test_the_sink_writes_into_a_store_once(store):
    """A run that is repeated adds nothing; ranges of offsets that come again are left out."""
    schema = pa.schema([("n", pa.int64())])
    by_run = WriteDelta(f"{store}/lake/runs", schema, Run("numbers", 1))
    by_offset = WriteDelta(f"{store}/lake/offsets", schema, Offsets("numbers", begin={"journal": 0}))
    for end in (20, 20, 30):
        with beam.Pipeline(runner="FnApiRunner") as pipeline:
            starts = pipeline | beam.Create(range(0, end, 10))
            blocks = starts | beam.Map(lambda n: Block(Origin("journal", n, n + 10), numbers(n)))
            blocks | "By offset" >> by_offset
            starts | "Rows" >> beam.Map(numbers) | "By run" >> by_run
    for table, end in (("runs", 20), ("offsets", 30)):
        found = DeltaTable(f"{store}/lake/{table}").to_pyarrow_table().column("n").to_pylist()
        assert sorted(found) == [*range(end)]


def numbers(start):
    return pa.record_batch({"n": [*range(start, start + 10)]})
