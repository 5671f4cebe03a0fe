"""The whole batch ingest on a temporary folder, against independent oracles."""

import json
import subprocess
import sys

import apache_beam as beam
import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from headrace.lake.account_table import read_accounts
from headrace.lake.layout import DataSetFolder
from headrace.rows.check import Checker
from lib import shop
from pipelines import ingest_batch
from transforms.read_plan import ReadPlan

HEAD = 64_000  # bytes kept of a line that is too long
FOLDER = DataSetFolder("lake", "shop", "orders")


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The shop's data-set file, from inside the working folder."""
    monkeypatch.chdir(tmp_path)
    return shop.write_project(tmp_path).relative_to(tmp_path)


def ingest(config, *options):
    return ingest_batch.main(["--config", str(config), "--json", *options])


def table(root):
    return pl.from_arrow(pa.table(DeltaTable(root).to_pyarrow_table()))


def last(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_events_equal_an_independent_reading(config, tmp_path, capsys):
    """Every value of every good row is what polars reads from the same file, derived columns included."""
    shop.deliver(tmp_path, "a.csv", range(1, 301), bad=frozenset({5}))
    assert ingest(config) == 0
    raw = pl.read_csv(tmp_path / "raw/orders/a.csv", separator=";", infer_schema=False).filter(pl.col("id") != "5")
    placed = pl.col("placed").str.to_datetime(time_unit="us", time_zone="UTC")
    expected = raw.select(
        pl.col("id").cast(pl.Int64),
        placed,
        "shop",
        pl.col("amount").str.replace(",", ".").cast(pl.Float64),
        "note",
        (placed + pl.duration(days=14)).alias("due"),
    )
    found = table(FOLDER.events).select(expected.columns).sort("id")
    assert found.equals(expected)
    assert last(capsys)["summary"]["read"] == 300


def test_a_row_leads_back_to_its_bytes(config, tmp_path):
    """`_file` and `_offset` of an event are where its line stands."""
    shop.deliver(tmp_path, "a.csv", range(1, 50))
    ingest(config)
    row = table(FOLDER.events).filter(pl.col("id") == 33).row(0, named=True)
    assert (tmp_path / row["_file"]).read_bytes()[row["_offset"] :].startswith(b"33;")


def test_dirt_lands_in_quarantine_with_its_reason(config, tmp_path):
    """Each kind of broken line is one quarantined row with its raw bytes, and the sum holds."""
    shop.deliver(tmp_path, "a.csv", range(1, 11))
    dirt = {
        b"1;2;3": "line.fields",
        b"12;2024-01-01T00:00:00Z;north;5;\xff": "line.utf8",
        b"13;2024-01-01T00:00:00Z;north;5;a\x00b": "line.nul",
        b"14;2024-01-01T00:00:00Z;north;5;" + b"x" * 3_000_000: "line.too_long",
        b'15;2024-01-01T00:00:00Z;north;5;"open': "line.quote",
        b"-7;2024-01-01T00:00:00Z;north;1000;-": "id.min, rule.big_needs_note",
        b"17;yesterday;north;5;": "placed.type",
    }
    with (tmp_path / "raw/orders/a.csv").open("ab") as file:
        file.write(b"".join(line + b"\n" for line in dirt))
    assert ingest(config) == 0
    bad = table(FOLDER.quarantine)
    found = {row["raw"]: ", ".join(row["reasons"]) for row in bad.iter_rows(named=True)}
    assert found == {(line if len(line) < 1_000_000 else line[:HEAD]): reason for line, reason in dirt.items()}
    (account,) = read_accounts(FOLDER)
    assert (account.read, account.accepted, account.quarantined) == (17, 10, 7)
    cut = bad.filter(~pl.col("replayable")).row(0, named=True)
    assert cut["length"] == 3_000_000 + len(b"14;2024-01-01T00:00:00Z;north;5;")
    assert len(cut["digest"]) == 64


def test_a_second_run_makes_no_new_version(config, tmp_path, capsys):
    """Nothing to do is said, and no table moves."""
    shop.deliver(tmp_path, "a.csv", range(1, 5))
    ingest(config)
    roots = (FOLDER.events, FOLDER.quarantine, FOLDER.accounts)
    before = [DeltaTable(r).version() for r in roots]
    ingest(config)
    assert [DeltaTable(r).version() for r in roots] == before
    assert last(capsys)["summary"]["nothing_to_do"] is True


def test_a_dropped_block_stops_the_commit(config, tmp_path, monkeypatch, capsys):
    """One range lost on purpose: the tiling finds the gap and no row becomes visible."""
    for name in ("a.csv", "b.csv"):
        shop.deliver(tmp_path, name, range(1, 50))
    spread = ReadPlan.expand

    def losing(self, root):
        return spread(self, root) | "Lose b" >> beam.Filter(lambda raw: not raw.origin.file.endswith("b.csv"))

    monkeypatch.setattr(ReadPlan, "expand", losing)
    assert ingest(config) == 3
    assert "b.csv: the blocks that arrived do not tile the file" in last(capsys)["message"]
    assert table(FOLDER.events).is_empty()


def test_a_row_lost_in_a_block_stops_the_commit(config, tmp_path, monkeypatch, capsys):
    """The blocks tile, but one has fewer rows than were counted: the account finds it."""
    shop.deliver(tmp_path, "a.csv", range(1, 50))
    split = Checker.split

    def losing(self, raw):
        checked = split(self, raw)
        return checked._replace(accepted=checked.accepted.slice(1))

    monkeypatch.setattr(Checker, "split", losing)
    assert ingest(config) == 3
    assert "49 rows were counted for events, 48 were written" in last(capsys)["message"]


def test_stop_if_commits_nothing_and_the_mended_contract_goes_on(tmp_path, monkeypatch, capsys):
    """Above the limit: exit code 3, a sample beside the plan; then the same plan under a mended contract."""
    monkeypatch.chdir(tmp_path)
    config = shop.write_project(tmp_path, stop_if=0.05).relative_to(tmp_path)
    shop.deliver(tmp_path, "a.csv", range(1, 21), bad=frozenset({1, 2, 3}))
    assert ingest(config) == 3
    assert "3 of 20 rows (15 %) broke the contract, contract.stop_if allows 5 %" in last(capsys)["message"]
    sample = json.loads((tmp_path / "lake/shop/orders/quarantine.stopped.json").read_text())
    assert [row["reasons"] for row in sample] == [["shop.in"]] * 3
    assert table(FOLDER.events).is_empty()

    config.write_text(config.read_text().replace("[north, south]", "[north, south, nowhere]"))
    assert ingest(config) == 0
    (account,) = read_accounts(FOLDER)
    assert (account.plan, account.read, account.accepted) == (1, 20, 20)


def test_a_failure_in_another_process_is_told_as_it_is_here(tmp_path, monkeypatch):
    """Through Beam's portable job service the message and the exit code are those of the worker."""
    monkeypatch.chdir(tmp_path)
    config = shop.write_project(tmp_path, stop_if=0.0).relative_to(tmp_path)
    shop.deliver(tmp_path, "a.csv", range(1, 21), bad=frozenset({1}))
    service = ["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK"]
    call = [sys.executable, "-m", "pipelines.ingest_batch", "--config", str(config), "--json", *service]
    ended = subprocess.run(call, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 3, ended.stderr
    message = json.loads(ended.stdout.splitlines()[-1])["message"]
    assert message.startswith("plan 1 of orders: 1 of 20 rows (5 %) broke the contract")


def test_a_file_with_only_a_header_is_a_plan_with_no_rows(config, tmp_path):
    """Its account is closed at zero, and it is not looked at again."""
    shop.deliver(tmp_path, "a.csv", range(0))
    assert ingest(config) == 0
    (account,) = read_accounts(FOLDER)
    assert (account.files, account.read) == (1, 0)


def test_the_same_pipeline_runs_on_the_direct_runner(config, tmp_path):
    """`--runner=DirectRunner` chooses its engine by itself and gives the same rows."""
    shop.deliver(tmp_path, "a.csv", range(1, 30))
    assert ingest(config, "--runner=DirectRunner") == 0
    assert table(FOLDER.events).height == 29


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a.csv"),
        (b"id;placed;shop;amount\n", "note"),
        (b"id;placed;shop;amount;note;extra\n", "extra"),
        (b"id,placed,shop,amount,note\n", "delimited by"),
    ],
)
def test_a_file_that_is_none_of_ours_is_named_before_anything_runs(config, tmp_path, content, message, capsys):
    """Empty, a column missing, one too many, another delimiter: exit code 3, no plan is sealed."""
    (tmp_path / "raw/orders/a.csv").write_bytes(content)
    assert ingest(config) == 3
    assert message in last(capsys)["message"]
    assert not (tmp_path / "lake/shop/orders/plans").exists()


def test_a_lake_that_cannot_be_written_is_said(config, tmp_path, capsys):
    """A file where the lake's folder should be: exit code 4 and the path."""
    shop.deliver(tmp_path, "a.csv", range(1, 3))
    (tmp_path / "lake").write_text("in the way")
    assert ingest(config) == 4
    assert "lake/shop/orders: cannot be written" in last(capsys)["message"]


def test_no_source_file_is_a_mistake_not_a_quiet_day(config, capsys):
    """The message names the pattern and the file it stands in."""
    assert ingest(config) == 3
    assert "raw/orders/*.csv: no file fits" in last(capsys)["message"]
