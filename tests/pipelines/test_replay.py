"""Quarantine checked again: what passes is in the events once, whatever was killed, and the rest stays."""

import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from headrace.cli.main import app
from headrace.lake import at_work, replays, settle
from headrace.lake.account_table import read_accounts
from headrace.lake.commit import Token, commit_once
from headrace.lake.data_files import write_small
from headrace.lake.layout import DataSetFolder
from headrace.lake.planning import Planner
from headrace.storage import locked
from lib import shop
from pipelines import ingest_batch, replay

FOLDER = DataSetFolder("lake", "shop", "orders")


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A shop whose two files of 30 rows have been ingested, with ids 5, 15 and 40 in quarantine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADRACE_FAULT_TESTS", "1")  # files may be removed however young they are
    found = shop.write_project(tmp_path).relative_to(tmp_path)
    shop.deliver(tmp_path, "a.csv", range(1, 31), bad=frozenset({5, 15}))
    shop.deliver(tmp_path, "b.csv", range(31, 61), bad=frozenset({40}))
    assert run(ingest_batch, found) == 0
    return found


def run(pipeline, config):
    return pipeline.main(["--config", str(config), "--json"])


def allow(config, *shops):
    text = config.read_text()
    config.write_text(text.replace("in: [north, south]", f"in: [north, south, {', '.join(shops)}]"))


def rows(root):
    return pa.table(DeltaTable(root).to_pyarrow_table()).to_pylist()


def last(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])["summary"]


def ids():
    return sorted(row["id"] for row in rows(FOLDER.events))


def test_rows_that_keep_the_mended_contract_become_events(config, capsys):
    """With the file, offset and plan they came with; a second replay has nothing to do; quarantine keeps its bytes."""
    quarantined = {(r["_file"], r["_offset"], r["_plan"]) for r in rows(FOLDER.quarantine)}
    assert run(replay, config) == 0
    assert last(capsys) == {
        "data_set": "orders", "replay": 1, "read": 3, "accepted": 0, "duplicate": 0, "quarantined": 3,
        "replaced": 0,
    }  # fmt: skip
    allow(config, "nowhere")
    assert run(replay, config) == 0
    assert last(capsys)["accepted"] == 3
    assert ids() == list(range(1, 61))
    came = {(r["_file"], r["_offset"], r["_plan"]) for r in rows(FOLDER.events) if r["shop"] == "nowhere"}
    assert came == quarantined
    assert {(r["_file"], r["_offset"], r["replay"], r["result"]) for r in rows(FOLDER.settlements)} == {
        (file, offset, 2, "accepted") for file, offset, _ in quarantined
    }
    assert run(replay, config) == 0
    assert last(capsys)["nothing_to_do"]
    assert len(rows(FOLDER.quarantine)) == 3


def test_what_still_breaks_the_contract_waits_for_the_next(config, capsys):
    """Only rows that are not settled are read again, when the contract changes once more."""
    wider = config.read_text().replace("in: [north, south]", "in: [north, south, nowhere]")
    config.write_text(wider.replace("max: 10000", "max: 10"))
    assert run(replay, config) == 0
    assert (last(capsys)["accepted"], len(ids())) == (1, 58)  # id 5: an amount of 5.5
    config.write_text(wider)
    assert run(replay, config) == 0
    told = last(capsys)
    assert (told["read"], told["accepted"]) == (2, 2)
    assert ids() == list(range(1, 61))


@pytest.mark.parametrize("within", ["", "dedupe: {within: 1h}\n"])
def test_a_row_that_was_delivered_again_is_a_duplicate(config, tmp_path, capsys, within):
    """The mended file came first: the quarantined row repeats its key, however long ago, and is settled so."""
    config.write_text(config.read_text().replace("key: [id]\n", f"key: [id]\n{within}"))
    shop.deliver(tmp_path, "c.csv", [5, 40])
    assert run(ingest_batch, config) == 0
    allow(config, "nowhere")
    assert run(replay, config) == 0
    told = last(capsys)
    assert (told["accepted"], told["duplicate"]) == (1, 2)
    assert ids() == list(range(1, 61))
    assert sorted(row["result"] for row in rows(FOLDER.settlements)) == ["accepted", "duplicate", "duplicate"]


def kill(config, point):
    """A replay that is killed at a point."""
    call = [sys.executable, "-m", "pipelines.replay", "--config", str(config)]
    env = {**os.environ, "HEADRACE_FAULT_TESTS": "1", "HEADRACE_DIE_AT": point}
    env["PYTHONPATH"] = str(Path(__file__).parents[2])
    ended = subprocess.run(call, env=env, check=False, timeout=120, capture_output=True, text=True)
    assert ended.returncode == -9, ended.stderr


@pytest.mark.parametrize(
    ("point", "taken"), [("sealed", 0), ("file:1", 0), ("tables", 3), ("file:2", 3), ("committed:2", 3)]
)
def test_a_replay_that_was_killed_is_finished_by_the_next(config, point, taken, capsys):
    """SIGKILL at five points, and another contract meanwhile: what no table carries is sealed anew, the rest goes on.

    Without a key, which would hide what tokens miss.
    """
    config.write_text(config.read_text().replace("key: [id]\n", ""))
    allow(config, "nowhere")
    kill(config, point)
    config.write_text(config.read_text().replace(", nowhere]", "]"))
    assert run(replay, config) == 0
    if point != "committed:2":
        assert last(capsys)["replay"] == 1
    assert (len(ids()), len(rows(FOLDER.settlements))) == (57 + taken, taken)
    allow(config, "nowhere")
    assert run(replay, config) == 0
    assert ids() == list(range(1, 61))
    assert len(rows(FOLDER.settlements)) == 3
    assert run(replay, config) == 0
    assert ids() == list(range(1, 61))


def test_one_run_finishes_an_old_replay_and_does_its_own(config, capsys):
    """The dead one was sealed by a narrower contract: nobody has to run twice."""
    wider = config.read_text().replace("in: [north, south]", "in: [north, south, nowhere]")
    config.write_text(wider.replace("max: 10000", "max: 10"))
    kill(config, "tables")
    config.write_text(wider)
    assert run(replay, config) == 0
    told = last(capsys)
    assert (told["replay"], told["read"], told["accepted"], told["quarantined"]) == (2, 3, 3, 0)
    assert ids() == list(range(1, 61))


@pytest.mark.parametrize(("point", "first"), [("file:1", "delivered"), ("tables", "replayed")])
def test_a_key_that_is_delivered_while_a_replay_lies_dead_is_there_once(config, tmp_path, point, first):
    """Before its commit the delivered row wins, after it the replayed one; the settlement says which it was."""
    allow(config, "nowhere")
    kill(config, point)
    shop.deliver(tmp_path, "c.csv", [5, 40])
    assert run(ingest_batch, config) == 0
    assert run(replay, config) == 0
    assert ids() == list(range(1, 61))
    by_shop = {row["id"]: row["shop"] for row in rows(FOLDER.events)}
    assert {by_shop[5], by_shop[40]} <= ({"nowhere"} if first == "replayed" else {"north", "south"})
    results = sorted(row["result"] for row in rows(FOLDER.settlements))
    assert results == (["accepted"] * 3 if first == "replayed" else ["accepted", "duplicate", "duplicate"])


def test_of_quarantined_rows_with_one_key_the_first_that_came_passes(config, tmp_path):
    """By plan and line, whatever the files of quarantine are called and however they are put together."""
    for n, amount in enumerate((70, 60, 80)):
        shop.deliver(tmp_path, f"d{n}.csv", [99], bad=frozenset({99}))
        path = Path(f"raw/orders/d{n}.csv")
        path.write_text(re.sub(r"(?m)^(99;[^;]*;nowhere);[^;]*;", rf"\g<1>;{amount};", path.read_text()))
        os.utime(path, (1_700_000_000, 1_700_000_000))
        assert run(ingest_batch, config) == 0
        if n == 1:
            assert CliRunner().invoke(app, ["upkeep", "shop", "--older-than", "0s"]).exit_code == 0
    allow(config, "nowhere")
    assert run(replay, config) == 0
    assert [row["amount"] for row in rows(FOLDER.events) if row["id"] == 99] == [70]


def test_a_repeat_that_is_refused_stops_the_replay_until_it_is_mended(config, tmp_path, capsys):
    """Nothing is committed, the rows are named; another setting seals it anew."""
    shop.deliver(tmp_path, "c.csv", [5])
    assert run(ingest_batch, config) == 0
    allow(config, "nowhere")
    text = config.read_text()
    config.write_text(text.replace("key: [id]\n", "key: [id]\non_repeat: refuse\n"))
    assert run(replay, config) == 3
    said = capsys.readouterr().out
    assert "1 rows that pass now repeat the key of another one, and on_repeat is refuse" in said
    assert "id 5 at raw/orders/a.csv offset" in said
    assert (len(ids()), rows(FOLDER.settlements)) == (58, [])
    config.write_text(text)
    assert run(replay, config) == 0
    assert last(capsys)["duplicate"] == 1
    assert ids() == list(range(1, 61))


def test_rows_that_others_add_meanwhile_are_looked_through(config, tmp_path, capsys, monkeypatch):
    """A plan is committed while a replay is at work: its keys repeat no more than any other."""
    allow(config, "nowhere")
    before = replay.rows_before

    def then_others(*arguments, **how):
        found = before(*arguments, **how)
        shop.deliver(tmp_path, "c.csv", [5, 61])
        assert run(ingest_batch, config) == 0  # which holds a lock of its own
        return found

    monkeypatch.setattr(replay, "rows_before", then_others)
    assert run(replay, config) == 0
    told = last(capsys)
    assert (told["accepted"], told["duplicate"]) == (2, 1)
    assert ids() == list(range(1, 62))
    assert {row["id"]: row["shop"] for row in rows(FOLDER.events)}[5] != "nowhere"
    assert sorted(row["result"] for row in rows(FOLDER.settlements)) == ["accepted", "accepted", "duplicate"]


def deliver_priced(folder, name, amounts, bad=frozenset()):
    """A file of orders with these amounts by id, for data of which the row with the greatest stays."""
    shop.deliver(folder, name, list(amounts), bad)
    path = Path("raw/orders", name)
    header, *lines = path.read_text().splitlines()
    cells = [line.split(";") for line in lines]
    priced = (";".join([*row[:3], str(amounts[int(row[0])]), "note"]) for row in cells)
    path.write_text("\n".join([header, *priced]) + "\n")
    os.utime(path, (1_700_000_000, 1_700_000_000))


@pytest.fixture
def latest(config):
    """The same data set, of whose rows of a key the one with the greatest amount stays."""
    config.write_text(config.read_text().replace("key: [id]\n", "key: [id]\non_repeat: {latest_by: amount}\n"))
    return config


def test_the_latest_of_a_key_stays_also_when_it_is_replayed(latest, tmp_path, capsys):
    """A quarantined row that is later than the table's takes its place, counted; an earlier one is a duplicate."""
    deliver_priced(tmp_path, "c.csv", {5: 0, 40: 900})
    assert run(ingest_batch, latest) == 0
    allow(latest, "nowhere")
    assert run(replay, latest) == 0
    told = last(capsys)
    assert (told["accepted"], told["duplicate"], told["replaced"]) == (2, 1, 1)
    assert ids() == list(range(1, 61))
    by_id = {row["id"]: row["shop"] for row in rows(FOLDER.events)}
    assert (by_id[5], by_id[40] != "nowhere") == ("nowhere", True)


def test_rows_that_a_dead_replay_brought_are_settled_as_accepted_though_later_ones_came(latest, tmp_path, capsys):
    """Killed between its commits: what became of its rows is what its commit says, not what the events hold now."""
    deliver_priced(tmp_path, "c.csv", {40: 900})
    assert run(ingest_batch, latest) == 0
    allow(latest, "nowhere")
    kill(latest, "tables")
    deliver_priced(tmp_path, "d.csv", {5: 901, 15: 901})
    assert run(ingest_batch, latest) == 0
    assert run(replay, latest) == 0
    assert (last(capsys)["accepted"], ids()) == (2, list(range(1, 61)))
    results = {row["_offset"]: row["result"] for row in rows(FOLDER.settlements) if row["_file"].endswith("a.csv")}
    assert list(results.values()) == ["accepted", "accepted"]
    assert [row["result"] for row in rows(FOLDER.settlements)].count("duplicate") == 1


def test_a_plan_that_a_replay_came_into_counts_what_it_replaced_itself(latest, tmp_path, monkeypatch):
    """Between its two commits the key of one row got a later one: the run that finishes the plan counts anew."""
    deliver_priced(tmp_path, "c.csv", {1: 800}, bad=frozenset({1}))
    assert run(ingest_batch, latest) == 0
    deliver_priced(tmp_path, "d.csv", {1: 700, 2: 700})
    allow(latest, "nowhere")

    def then_replay(_):
        with monkeypatch.context() as patch:
            patch.setattr(Planner, "open_plan", lambda _: None)  # as if it had looked before the plan was sealed
            assert run(replay, latest) == 0

    with monkeypatch.context() as patch:
        patch.setattr(settle, "reached", then_replay)
        assert run(ingest_batch, latest) != 0
    assert run(ingest_batch, latest) == 0
    account = read_accounts(FOLDER)[-1]
    assert (account.accepted, account.duplicate, account.replaced) == (1, 1, 1)
    assert ids() == list(range(1, 61))


def test_a_replay_beside_a_busy_stream_comes_through(config, tmp_path, monkeypatch):
    """Whoever commits while files are written without their repeats: these are not written again for that."""
    shop.deliver(tmp_path, "c.csv", [5])
    assert run(ingest_batch, config) == 0
    allow(config, "nowhere")
    without, commits = replays.without_repeats, []

    def slowly(*arguments):
        found = without(*arguments)
        commits.append(61 + len(commits))
        (row,) = DeltaTable(FOLDER.events).to_pyarrow_table(filters=[("id", "=", 1)]).to_batches()
        other = row.set_column(row.schema.get_field_index("id"), "id", pa.array(commits[-1:], pa.int64()))
        token = Token("stream", len(commits), len(commits) - 1 or None)
        commit_once(FOLDER.events, [token], write_small(FOLDER.events, other), info={})
        return found

    monkeypatch.setattr(replays, "without_repeats", slowly)
    assert run(replay, config) == 0
    assert ids() == [*range(1, 61), *commits]


def test_two_replays_at_once_are_refused_and_an_ingest_is_not(config, capsys):
    """Each kind of run has its lock: a stream that goes on for ever keeps no row in quarantine."""
    allow(config, "nowhere")
    with locked(FOLDER.replays):
        assert run(replay, config) == 6
    assert "another run is at work here" in capsys.readouterr().out
    with locked(FOLDER.root):
        assert run(replay, config) == 0
    assert ids() == list(range(1, 61))


def test_lines_that_are_not_whole_stay(config, capsys):
    """Of a line longer than the limit only its head is there: it is not read again, and the sum tells so."""
    limited = config.read_text().replace('nulls: ["", "-"]', 'nulls: ["", "-"], line: {max_bytes: 64b}')
    Path("raw/orders/d.csv").write_text(
        "id;placed;shop;amount;note\n99;2024-01-01T00:00:00Z;north;1;" + "x" * 90 + "\n"
    )
    config.write_text(limited)
    assert run(ingest_batch, config) == 0
    config.write_text(limited.replace("line: {max_bytes: 64b}", "line: {max_bytes: 1kb}"))
    assert run(replay, config) == 0
    assert last(capsys)["read"] == 3
    assert 99 not in ids()


def test_lines_are_read_by_the_header_they_came_under(config, tmp_path, capsys):
    """Files whose columns stand in another order are replayed by their own."""
    shop.deliver(tmp_path, "e.csv", [70], bad=frozenset({70}))
    lines = [line.split(";", 3) for line in Path("raw/orders/e.csv").read_text().splitlines()]
    Path("raw/orders/e.csv").write_text("".join(f"{c};{b};{a};{d}\n" for a, b, c, d in lines))
    assert run(ingest_batch, config) == 0
    allow(config, "nowhere")
    assert run(replay, config) == 0
    assert last(capsys)["accepted"] == 4
    assert ids() == [*range(1, 61), 70]


def test_files_of_a_killed_run_go_also_after_a_replay(config, monkeypatch):
    """A replay that has ended writes no more: only the last ingest, which has begun since, may still."""
    monkeypatch.setattr(at_work, "_CLOCKS", timedelta(0))
    assert run(replay, config) == 0
    lost = Path(FOLDER.events, "lost.parquet")
    lost.write_bytes(b"of an ingest that was killed")
    assert run(ingest_batch, config) == 0
    assert CliRunner().invoke(app, ["upkeep", "shop", "--older-than", "0s"]).exit_code == 0
    assert not lost.exists()


def test_upkeep_keeps_what_an_open_replay_reads(config, tmp_path, monkeypatch):
    """Killed once sealed, then quarantine is put together and old files are removed: it goes on all the same.

    What its workers write, who may live on, stays as well, though an ingest has begun since.
    """
    monkeypatch.setattr(at_work, "_CLOCKS", timedelta(0))
    for n in range(4):
        shop.deliver(tmp_path, f"more{n}.csv", [100 + n], bad=frozenset({100 + n}))
        assert run(ingest_batch, config) == 0
    allow(config, "nowhere")
    kill(config, "sealed")
    before = len(list(Path(FOLDER.quarantine).glob("*.parquet")))
    in_hand = Path(FOLDER.events, "in_hand.parquet")
    in_hand.write_bytes(b"of a worker")
    assert run(ingest_batch, config) == 0
    assert CliRunner().invoke(app, ["upkeep", "shop", "--older-than", "0s"]).exit_code == 0
    assert in_hand.exists()
    assert len(list(Path(FOLDER.quarantine).glob("*.parquet"))) == before + 1
    assert run(replay, config) == 0
    assert ids() == [*range(1, 61), 100, 101, 102, 103]


def test_what_was_replayed_is_no_longer_shown_and_a_damaged_replay_can_be_reset(config):
    """Quarantine tells what is still there; reset, which is the cure, needs no replay that can be read."""
    said = CliRunner().invoke(app, ["quarantine", "shop/orders.yaml", "--json"]).stdout
    assert len(said.splitlines()) == 3
    allow(config, "nowhere")
    assert run(replay, config) == 0
    assert CliRunner().invoke(app, ["quarantine", "shop/orders.yaml", "--json"]).stdout == ""
    assert '"replay": 1' in CliRunner().invoke(app, ["history", "shop", "--json"]).stdout
    Path(FOLDER.replays, "00000001.json").write_text("{")
    assert CliRunner().invoke(app, ["upkeep", "shop"]).exit_code == 6
    assert CliRunner().invoke(app, ["reset", "shop/orders.yaml", "--yes"]).exit_code == 0
    assert run(ingest_batch, config) == 0
    assert ids() == list(range(1, 61))


def test_a_file_of_the_same_name_in_a_later_plan_has_rows_of_its_own(config, tmp_path):
    """The folder is a link that is moved on: what was settled of yesterday's file is not today's row."""
    allow(config, "nowhere")
    assert run(replay, config) == 0
    config.write_text(config.read_text().replace(", nowhere]", "]"))
    Path("raw/orders").rename("raw/day1")
    Path("raw/orders").symlink_to("day1")
    Path("raw/day2").mkdir()
    Path("raw/orders").unlink()
    Path("raw/orders").symlink_to("day2")
    shop.deliver(tmp_path, "a.csv", range(61, 91), bad=frozenset({65}))
    assert run(ingest_batch, config) == 0
    allow(config, "nowhere")
    assert run(replay, config) == 0
    assert ids() == list(range(1, 91))


def test_an_open_plan_is_finished_first(config, tmp_path, capsys):
    """A replay might take the keys of a plan that is half committed; it says so and how to go on: exit code 6."""
    shop.deliver(tmp_path, "x.csv", range(61, 66))
    call = [sys.executable, "-m", "pipelines.ingest_batch", "--config", str(config)]
    env = {**os.environ, "HEADRACE_DIE_AT": "tables", "PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.run(call, cwd=tmp_path, env=env, check=False, timeout=120, capture_output=True).returncode == -9
    assert run(replay, config) == 6
    assert "finish it first: headrace ingest shop/orders.yaml" in capsys.readouterr().out
