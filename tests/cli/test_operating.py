"""What people do with a lake that is in use: look, keep small, start over."""

import json
import os
import time
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from headrace.cli import upkeep as kept
from headrace.cli.main import app
from headrace.failures import Conflict
from headrace.lake.compaction import compact
from lib import shop


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder in which five files were ingested, one after another, and a model's features built."""
    where = tmp_path_factory.mktemp("operating")
    before = Path.cwd()
    os.chdir(where)
    os.environ["HEADRACE_FAULT_TESTS"] = "1"  # files may be removed however young they are
    shop.write_project(where)
    shop.write_model(where)
    for n in range(5):
        shop.deliver(where, f"{n}.csv", range(60 * n + 1, 60 * n + 61), bad=frozenset({60 * n + 7}))
        assert headrace("ingest", "shop").exit_code == 0
    assert headrace("features", "shop").exit_code == 0
    yield where
    del os.environ["HEADRACE_FAULT_TESTS"]
    os.chdir(before)


def headrace(*arguments, **settings):
    return CliRunner().invoke(app, [str(a) for a in arguments], **settings)


def lines(said):
    return [json.loads(line) for line in said.stdout.splitlines()]


def test_history_tells_plans_and_accounts(folder):
    """Newest first, of a whole project or of one file of it."""
    events = lines(headrace("history", "shop/orders.yaml", "--json", "--most", "100"))
    plans = [event["notes"]["plan"] for event in events if event["table"] == "orders/events" and event["notes"]]
    assert plans == [5, 4, 3, 2, 1]
    assert {event["table"].partition("/")[0] for event in events} == {"orders"}
    assert events == sorted(events, key=lambda event: (event["at"], event["table"], event["version"]), reverse=True)
    assert any(event["table"] == "big/features" for event in lines(headrace("history", "shop", "--json")))


def test_quarantine_shows_rows_as_they_came(folder):
    """By reason, the newest plan first, with their raw text."""
    (row, *others) = lines(headrace("quarantine", "shop/orders.yaml", "--json", "--most", "3"))
    assert (row["plan"], row["reasons"], len(others)) == (5, ["shop.in"], 2)
    assert row["text"].startswith("247;2024-01-11T07:00:00Z;nowhere;247,5;")
    said = headrace("quarantine", "shop/orders.yaml", "--reason", "shop.in")
    assert said.output.count("nowhere") == 5
    text = headrace("quarantine", "shop/orders.yaml").output
    assert "        5  shop.in: shop is none of north, south" in text
    wrong = headrace("quarantine", "shop/orders.yaml", "--reason", "shop.inn")
    assert (wrong.exit_code, "did you mean shop.in?" in wrong.output) == (3, True)


def test_a_busy_table_keeps_no_other_from_its_upkeep(folder, monkeypatch):
    """A step wins the events: they get their checkpoint and everything else is done, then the exit code is 6."""

    def beaten(root, how):
        if root.endswith("orders/events"):
            raise Conflict(f"{root}: 1 files were changed while they were rewritten; run again")
        return compact(root, how)

    monkeypatch.setattr(kept, "compact", beaten)
    said = headrace("upkeep", "shop")
    assert (said.exit_code, "orders/events: 1 files were changed while" in said.output) == (6, True)
    assert "orders/events: 0 small files" in said.output
    assert "orders/quarantine: 5 small files into 1" in said.output
    assert Path("lake/shop/orders/events/_delta_log/_last_checkpoint").exists()


def test_upkeep_puts_files_together_and_features_go_on(folder):
    """Dry: nothing changes. Then one file is left of five, the next builds still see every row once."""
    root = Path("lake/shop/orders/events")
    dead = root / "dead.parquet"
    dead.write_bytes(b"x")
    os.utime(dead, (time.time() - 9 * 86_400,) * 2)
    version = DeltaTable(root).version()
    dry = {t["table"]: t for t in lines(headrace("upkeep", "shop", "--dry-run", "--json"))}
    assert (dry["orders/events"]["files"], dry["orders/events"]["removed"]) == (5, 1)
    assert (DeltaTable(root).version(), dead.exists()) == (version, True)
    for command in (("upkeep", "--dry-run"), ("status",)):
        of_one = lines(headrace(*command, "shop/big.yaml", "--json"))
        assert {(table.get("table") or table["name"]).partition("/")[0] for table in of_one} == {"big"}

    done = {t["table"]: t for t in lines(headrace("upkeep", "shop", "--json"))}
    assert (done["orders/events"]["files"], done["orders/events"]["into"]) == (5, 1)
    assert not dead.exists()
    newest = lines(headrace("history", "shop/orders.yaml", "--json"))
    assert ("compaction", {"files": 5, "into": 1}) in [(event["what"], event["notes"]) for event in newest]
    shop.deliver(folder, "5.csv", range(301, 321))
    assert headrace("run", "shop", "--only", "ingest,features").exit_code == 0
    assert headrace("upkeep", "shop", "--older-than", "0s").exit_code == 0
    for table in ("orders/events", "big/features"):
        ids = DeltaTable(f"lake/shop/{table}").to_pyarrow_table().column("id").to_pylist()
        assert sorted(ids) == [n for n in range(1, 321) if n % 60 != 7 or n > 300]


def test_upkeep_refuses_a_time_that_is_none(folder):
    """Exit code 2, with how a duration is written."""
    said = headrace("upkeep", "shop", "--older-than", "a week")
    assert said.exit_code == 2
    assert "30s, 15m, 3h, 90d" in said.output


def test_upkeep_leaves_young_files_to_running_steps(folder, monkeypatch):
    """Less than an hour is refused: a step may be writing what no commit names yet."""
    monkeypatch.delenv("HEADRACE_FAULT_TESTS")
    said = headrace("upkeep", "shop", "--older-than", "30m")
    assert (said.exit_code, "an hour at least" in said.output) == (2, True)
    assert headrace("upkeep", "shop", "--older-than", "999999999d").exit_code == 0


def test_reset_asks_and_the_next_run_starts_over(folder):
    """Without the name nothing is removed; with it the data set is ingested again as plan 1."""
    root = "lake/shop/regions/events"
    table_id = DeltaTable(root).metadata().id
    refused = headrace("reset", "shop/regions.yaml", input="no\n")
    assert (refused.exit_code, DeltaTable(root).metadata().id) == (2, table_id)
    assert headrace("reset", "shop").exit_code == 2
    assert headrace("reset", "shop/regions.yaml", input="regions\n").exit_code == 0
    assert not Path("lake/shop/regions").exists()
    assert headrace("reset", "shop/regions.yaml", "--yes").exit_code == 3
    assert headrace("ingest", "shop/regions.yaml").exit_code == 0
    assert DeltaTable(root).metadata().id != table_id
    assert pa.table(DeltaTable(root).to_pyarrow_table()).num_rows == 2


def test_metrics_are_read_by_prometheus(folder):
    """Every line is a sample, a help or a type; the figures are those of the tables; a file is replaced whole."""
    said = headrace("metrics", "shop")
    assert said.exit_code == 0, said.output
    samples = dict(line.rsplit(" ", 1) for line in said.stdout.splitlines() if not line.startswith("#"))
    rows = DeltaTable("lake/shop/orders/events").to_pyarrow_table().num_rows
    assert float(samples['headrace_table_rows{subject="orders",table="events"}']) == rows
    assert float(samples['headrace_rows_total{data_set="orders",state="accepted"}']) == rows
    assert 0 < float(samples['headrace_quarantine_share{data_set="orders"}']) < 0.1
    assert float(samples['headrace_open_plan{data_set="orders"}']) == 0
    assert (
        time.time() - 3600
        < float(samples['headrace_last_commit_timestamp_seconds{subject="orders",table="events"}'])
        <= time.time() + 1
    )
    families = {line.split("{")[0] for line in samples}
    assert {line.split()[2] for line in said.stdout.splitlines() if line.startswith("# TYPE")} == families
    assert headrace("metrics", "shop", "--to", "metrics.prom").exit_code == 0
    assert Path("metrics.prom").read_text() == headrace("metrics", "shop").stdout


@pytest.mark.parametrize("command", ["quarantine", "plan"])
def test_a_folder_where_a_file_is_asked_for(folder, command):
    """It is said, with what to name."""
    said = headrace(command, "shop")
    assert (said.exit_code, "shop: is a folder; name one of the files in it" in said.output) == (2, True)
