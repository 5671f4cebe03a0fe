"""An ingested file that changed is loaded again: its new rows take the place of its old ones in one commit."""

import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from headrace.cli.main import app
from headrace.lake import planning, settle
from headrace.lake.account_table import read_accounts
from headrace.lake.layout import DataSetFolder
from headrace.lake.planning import Planner
from lib import shop
from pipelines import build_features, ingest_batch, replay

FOLDER = DataSetFolder("lake", "shop", "orders")


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A shop whose changed files are loaded again, with three files of twenty rows ingested, some of them bad."""
    monkeypatch.chdir(tmp_path)
    found = shop.write_project(tmp_path).relative_to(tmp_path)
    found.write_text(found.read_text().replace("source: {", "source: {changed: reload, "))
    for n in range(3):
        shop.deliver(tmp_path, f"{n}.csv", range(20 * n + 1, 20 * n + 21), bad=frozenset({20 * n + 7}))
    assert ingest(found) == 0
    return found


def ingest(config):
    return ingest_batch.main(["--config", str(config), "--json"])


def last(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def rows(root):
    return pa.table(DeltaTable(root).to_pyarrow_table()).to_pylist()


def open_rows(config):
    """As `headrace status` counts them."""
    said = CliRunner().invoke(app, ["status", str(config), "--json"])
    return json.loads(said.stdout.splitlines()[-1])["notes"]["open"]


def ids(root=None):
    return sorted(row["id"] for row in rows(root or FOLDER.events))


def test_new_rows_take_the_place_of_old_ones(config, tmp_path, capsys):
    """Also those in quarantine; keys of the old rows hide none of the new; other files keep theirs."""
    shop.deliver(tmp_path, "1.csv", range(25, 51), bad=frozenset({30}))  # 41 to 50 stand in 2.csv, where 47 is bad
    planned = CliRunner().invoke(app, ["plan", str(config)])
    assert planned.stdout.startswith("1 changed file, ")
    capsys.readouterr()
    assert ingest(config) == 0
    summary = last(capsys)["summary"]
    assert (summary["plans"], summary["read"], summary["accepted"], summary["quarantined"]) == ([2], 26, 16, 1)
    assert (summary["duplicate"], summary["replaced"]) == (9, 20)
    assert ids() == [n for n in range(1, 61) if n not in (7, 21, 22, 23, 24, 30)]
    assert {row["_file"]: row["_plan"] for row in rows(FOLDER.quarantine)} == {
        "raw/orders/0.csv": 1,
        "raw/orders/1.csv": 2,
        "raw/orders/2.csv": 1,
    }
    version = DeltaTable(FOLDER.events).version()
    assert ingest(config) == 0
    idle = last(capsys)["summary"]
    assert (idle["nothing_to_do"], DeltaTable(FOLDER.events).version()) == (True, version)
    assert idle["duplicates"] == summary["duplicates"] == "looked for by key"


@pytest.mark.parametrize("point", ["sealed", "file:2", "commit", "tables", "committed", "accounted"])
def test_killed_anywhere_the_next_run_ends_exact(config, tmp_path, point):
    """Each table has the old rows of the file or the new, and the account tells how many left both."""
    shop.deliver(tmp_path, "1.csv", range(101, 131), bad=frozenset({110}))
    env = {**os.environ, "HEADRACE_FAULT_TESTS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    call = [sys.executable, "-m", "pipelines.ingest_batch", "--config", str(config)]
    killed = subprocess.run(call, env={**env, "HEADRACE_DIE_AT": point}, check=False, timeout=60)
    assert killed.returncode == -9
    old, new = set(range(21, 41)), set(range(101, 131))
    there = set(ids()) & (old | new)
    assert there in (old - {27}, new - {110})
    assert ingest(config) == 0
    expected = [n for n in [*range(1, 21), *range(41, 61), *range(101, 131)] if n not in (7, 47, 110)]
    assert ids() == expected
    assert Counter(row["_file"] for row in rows(FOLDER.quarantine)) == {f"raw/orders/{n}.csv": 1 for n in range(3)}
    first, second = read_accounts(FOLDER)
    assert (first.replaced, second.replaced, second.read) == (0, 20, 30)


def test_what_was_made_of_the_old_rows_says_how_it_is_made_anew(config, tmp_path, capsys):
    """Features cannot be mended row by row: the build stops with the command, and after it they are right."""
    model = shop.write_model(tmp_path).relative_to(tmp_path)
    for name in ("prices", "regions"):
        assert ingest(Path(f"shop/{name}.yaml")) == 0
    build = ["--config", str(model), "--json"]
    assert build_features.main(build) == 0
    shop.deliver(tmp_path, "1.csv", range(21, 31))
    assert ingest(config) == 0
    assert build_features.main(build) == 3
    assert "headrace reset" in last(capsys)["message"]
    assert CliRunner().invoke(app, ["reset", str(model), "--yes"]).exit_code == 0
    assert build_features.main(build) == 0
    assert set(ids("lake/shop/big/features")) <= set(ids())


def test_rows_of_the_new_load_are_replayed_though_as_many_were_settled_before(config, tmp_path, capsys):
    """What was settled of the old load has left quarantine; it does not count against the new rows."""
    strict = config.read_text()
    mended = strict.replace("in: [north, south]", "in: [north, south, nowhere]")
    config.write_text(mended)
    assert replay.main(["--config", str(config), "--json"]) == 0
    assert ids() == list(range(1, 61))
    assert open_rows(config) == 0
    config.write_text(strict)
    shop.deliver(tmp_path, "1.csv", range(21, 39), bad=frozenset({30}))
    assert ingest(config) == 0
    assert ids() == [n for n in range(1, 61) if n not in (30, 39, 40)]
    assert open_rows(config) == 1
    config.write_text(mended)
    assert replay.main(["--config", str(config), "--json"]) == 0
    assert last(capsys)["summary"]["accepted"] == 1
    assert ids() == [n for n in range(1, 61) if n not in (39, 40)]


def test_refuse_is_the_default_and_told_with_the_choice(config, tmp_path, capsys):
    """Without it a changed file stops the run."""
    config.write_text(config.read_text().replace("changed: reload, ", ""))
    shop.deliver(tmp_path, "1.csv", range(21, 30))
    assert ingest(config) == 3
    assert "or say source.changed: reload" in last(capsys)["message"]


@pytest.mark.parametrize(("orders", "lost"), [(30, 200), (50_000, 9)])
def test_a_damaged_file_takes_no_old_row_away(config, tmp_path, capsys, orders, lost):
    """Damage is seen when a file is cut, or not before its end is read: the old rows stay, a whole file is taken."""
    config.write_text(config.read_text().replace("*.csv,", "*,"))
    shop.deliver(tmp_path, "new", range(101, 101 + orders))
    whole = gzip.compress(Path("raw/orders/new").read_bytes())
    Path("raw/orders/new").unlink()
    shop.deliver(tmp_path, "old", range(101, 111))
    path = Path("raw/orders/a.gz")
    path.write_bytes(gzip.compress(Path("raw/orders/old").read_bytes()))
    Path("raw/orders/old").unlink()
    assert ingest(config) == 0
    before = ids()
    path.write_bytes(whole[:-lost])
    for _ in range(2):
        assert ingest(config) == 3
        assert "raw/orders/a.gz: was ingested, and what was delivered in its place cannot" in last(capsys)["message"]
        assert ids() == before
    path.write_bytes(whole)
    assert ingest(config) == 0
    assert ids() == sorted({*before, *range(101, 101 + orders)})


def test_what_is_loaded_again_while_a_replay_is_at_work_is_there_once(config, tmp_path, capsys, monkeypatch):
    """Also where no row of the old load stood in the events: the replay ends with exit code 6, the next is right."""
    shop.deliver(tmp_path, "bad.csv", range(101, 104), bad=frozenset(range(101, 104)))
    assert ingest(config) == 0
    config.write_text(config.read_text().replace("in: [north, south]", "in: [north, south, nowhere]"))
    before = replay.rows_before

    def then_reload(*arguments, **how):
        shop.deliver(tmp_path, "bad.csv", range(111, 115))
        assert ingest(config) == 0
        return before(*arguments, **how)

    with monkeypatch.context() as patch:
        patch.setattr(replay, "rows_before", then_reload)
        patch.setattr(planning, "_no_open_replay", lambda *_: None)  # as if both had looked at the same moment
        assert replay.main(["--config", str(config), "--json"]) == 6
    assert "plan 3 has loaded files again" in last(capsys)["message"]
    assert replay.main(["--config", str(config), "--json"]) == 0
    assert ids() == [*range(1, 61), *range(111, 115)]


def test_what_a_replay_brings_while_a_file_is_loaded_again_leaves_with_the_old_load(config, tmp_path, monkeypatch):
    """Without a key, which would show them: rows that come after the old ones were looked for stop the commit."""
    config.write_text(config.read_text().replace("key: [id]\n", ""))
    look, looked = settle._replaced, []

    def then_replay(*arguments):
        found = look(*arguments)
        if not looked:
            looked.append(True)
            with monkeypatch.context() as patch:
                patch.setattr(Planner, "open_plan", lambda _: None)  # as if it had looked before the plan was sealed
                config.write_text(config.read_text().replace("in: [north, south]", "in: [north, south, nowhere]"))
                assert replay.main(["--config", str(config), "--json"]) == 0
        return found

    monkeypatch.setattr(settle, "_replaced", then_replay)
    monkeypatch.setattr(planning, "_no_open_replay", lambda *_: None)
    shop.deliver(tmp_path, "1.csv", range(101, 105))
    assert ingest(config) == 6
    assert ingest(config) == 0
    assert ids() == [*range(1, 21), *range(41, 61), *range(101, 105)]


@pytest.mark.parametrize("on_repeat", ["ignore", "{latest_by: amount}"])
def test_a_key_that_another_row_was_left_out_for_does_not_leave(config, tmp_path, capsys, on_repeat):
    """It would be nowhere, though a file that was delivered has it: refused, with the keys, until the file has them."""
    config.write_text(config.read_text().replace("key: [id]\n", f"key: [id]\non_repeat: {on_repeat}\n"))
    shop.deliver(tmp_path, "3.csv", range(21, 23))
    assert ingest(config) == 0
    before = ids()
    shop.deliver(tmp_path, "1.csv", range(23, 41))
    assert ingest(config) == 3
    message = last(capsys)["message"]
    assert "2 keys of files that are loaded again are not in their new rows" in message
    assert "id 21" in message
    assert ids() == before
    shop.deliver(tmp_path, "1.csv", range(21, 41))
    assert ingest(config) == 0
    assert ids() == sorted({*before, 27})
