"""A key is in the events table once, whatever is delivered how often, and the account says how many were not."""

import json
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from headrace.failures import DataFailure
from headrace.lake import commit, settle
from headrace.lake.account_table import read_accounts
from headrace.lake.changes import added_between
from headrace.lake.commit import Token, commit_once
from headrace.lake.data_files import write_small
from headrace.lake.layout import DataSetFolder
from headrace.lake.snapshot import open_snapshot
from lib import shop
from pipelines import ingest_batch

FOLDER = DataSetFolder("lake", "shop", "orders")


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The shop's project, nothing delivered yet."""
    monkeypatch.chdir(tmp_path)
    return shop.write_project(tmp_path).relative_to(tmp_path)


def ingest(config):
    return ingest_batch.main(["--config", str(config), "--json"])


def ids():
    return sorted(DeltaTable(FOLDER.events).to_pyarrow_table().column("id").to_pylist())


def rows():
    return DeltaTable(FOLDER.events).to_pyarrow_table().sort_by("id").to_pylist()


def deliver_at(folder, name, orders):
    """A file of orders with the times at which they were placed."""
    shop.deliver(folder, name, [number for number, _ in orders])
    path = folder / "raw" / "orders" / name
    header, *lines = path.read_text().splitlines()
    at = header.split(";").index("placed")
    cells = [line.split(";") for line in lines]
    for row, (_, moment) in zip(cells, orders, strict=True):
        row[at] = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    path.write_text("\n".join([header, *(";".join(row) for row in cells)]) + "\n")


def _die(here):
    if here:
        raise KeyboardInterrupt


def figures():
    return [(a.read, a.accepted, a.quarantined, a.duplicate) for a in read_accounts(FOLDER)]


def test_repeats_of_files_plans_and_lines_are_left_out(config, tmp_path):
    """In one file, in another of the same plan, and in a later plan; bad rows are nobody's repeat."""
    shop.deliver(tmp_path, "a.csv", range(1, 31), bad=frozenset({5}))
    text = Path("raw/orders/a.csv").read_text()
    Path("raw/orders/a.csv").write_text(text + text.splitlines()[9] + "\n")
    shop.deliver(tmp_path, "b.csv", range(21, 41))
    assert ingest(config) == 0
    shop.deliver(tmp_path, "c.csv", range(1, 51))
    assert ingest(config) == 0
    assert ids() == list(range(1, 51))
    assert figures() == [(51, 39, 1, 11), (50, 11, 0, 39)]
    assert read_accounts(FOLDER)[0].duplicates == "looked for by key"
    files = DeltaTable(FOLDER.events).to_pyarrow_table().to_pylist()
    assert {row["_file"][-5:] for row in files if 21 <= row["id"] <= 30} == {"a.csv"}  # the first in order of files


def test_without_a_key_every_row_stays(config, tmp_path):
    """And the account says that nobody looked."""
    config.write_text(config.read_text().replace("key: [id]\n", ""))
    shop.deliver(tmp_path, "a.csv", range(1, 11))
    shop.deliver(tmp_path, "b.csv", range(1, 11))
    assert ingest(config) == 0
    assert len(ids()) == 20
    assert read_accounts(FOLDER)[0].duplicates == "not looked for"


def test_a_repeat_may_be_refused(config, tmp_path, capsys):
    """Nothing is committed, the keys are named, and once the file is mended the same plan goes through."""
    config.write_text(config.read_text().replace("key: [id]\n", "key: [id]\non_repeat: refuse\n"))
    shop.deliver(tmp_path, "a.csv", range(1, 11))
    assert ingest(config) == 0
    shop.deliver(tmp_path, "b.csv", range(9, 13))
    assert ingest(config) == 3
    message = json.loads(capsys.readouterr().out.splitlines()[-1])["message"]
    assert "2 rows repeat the key of a row before them" in message
    assert "id 9 in raw/orders/b.csv; id 10 in raw/orders/b.csv" in message
    assert ids() == list(range(1, 11))
    shop.deliver(tmp_path, "b.csv", range(11, 13))
    assert ingest(config) == 0
    assert ids() == list(range(1, 13))


@pytest.mark.parametrize("compacted", [False, True])
def test_only_the_window_is_looked_through(config, tmp_path, compacted):
    """A row older than the window before the newest may be there twice, a newer one not, however rows lie in files."""
    config.write_text(config.read_text().replace("key: [id]\n", "key: [id]\ndedupe: {within: 2d}\n"))
    shop.deliver(tmp_path, "a.csv", range(1, 11))
    assert ingest(config) == 0
    shop.deliver(tmp_path, "b.csv", range(101, 111))
    assert ingest(config) == 0
    if compacted:
        DeltaTable(FOLDER.events).optimize.compact()
    shop.deliver(tmp_path, "c.csv", [1, 101, 200])
    assert ingest(config) == 0
    assert figures()[-1] == (3, 2, 0, 1)
    assert read_accounts(FOLDER)[-1].duplicates == "looked for by key, within 2d"
    assert ids().count(1) == 2
    assert ids().count(101) == 1


def test_a_plan_that_is_half_committed_is_finished_though_a_repeat_came(config, tmp_path, monkeypatch):
    """Refusing is for before the first commit: after it, a key that a rival has added meanwhile is left out."""
    config.write_text(config.read_text().replace("key: [id]\n", "key: [id]\non_repeat: refuse\n"))
    shop.deliver(tmp_path, "a.csv", range(1, 5), bad=frozenset({2}))
    with monkeypatch.context() as patch:
        patch.setattr(settle, "reached", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        ingest(config)
    rows = open_snapshot(FOLDER.events)
    assert not rows.files
    columns = {name: [None] for name in rows.schema.names} | {"id": [3], "placed": [shop.START], "shop": ["north"]}
    adds = write_small(FOLDER.events, pa.record_batch(columns, schema=rows.schema))
    commit_once(FOLDER.events, [Token("rival", 1, None)], adds, info={})
    assert ingest(config) == 0
    assert ids() == [1, 3, 4]
    assert figures() == [(4, 2, 1, 1)]


def test_rows_that_a_rival_adds_meanwhile_are_not_overlooked(config, tmp_path, monkeypatch, capsys):
    """Another writer appends after the keys were looked for: a conflict, and the next run finds its keys."""
    shop.deliver(tmp_path, "a.csv", range(1, 11))
    assert ingest(config) == 0
    rival = DeltaTable(FOLDER.events).to_pyarrow_table().slice(0, 1)
    rival = rival.set_column(0, "id", [[12]]).combine_chunks().to_batches()[0]
    real = ingest_batch.rows_before

    def appended_after(*args):
        before = real(*args)
        adds = write_small(FOLDER.events, rival.cast(open_snapshot(FOLDER.events).schema))
        commit_once(FOLDER.events, [Token("rival", 1, None)], adds, info={})
        return before

    shop.deliver(tmp_path, "b.csv", range(11, 15))
    with monkeypatch.context() as patch:
        patch.setattr(ingest_batch, "rows_before", appended_after)
        assert ingest(config) == 6
    assert "in which no key was looked for; run again" in capsys.readouterr().out
    assert ingest(config) == 0
    assert ids() == list(range(1, 15))
    assert figures()[-1] == (4, 3, 0, 1)


def latest(config):
    """Of the rows of an order the one that was placed last stays."""
    config.write_text(config.read_text().replace("key: [id]\n", "key: [id]\non_repeat: {latest_by: placed}\n"))


def test_later_rows_take_the_place_of_earlier_ones(config, tmp_path):
    """Within a plan, and of rows that an earlier plan has committed; the account tells what left the table."""
    latest(config)
    shop.deliver(tmp_path, "a.csv", range(1, 31))
    assert ingest(config) == 0
    before = {row["id"]: row["placed"] for row in rows()}
    again = [(1, before[1] + timedelta(days=9)), (2, before[2] - timedelta(days=9)), (3, before[3])]
    twice = [(n, at + timedelta(days=at_least)) for n, at in again[:1] for at_least in (3, 5)]
    deliver_at(tmp_path, "b.csv", [*again, *twice, (99, before[1])])
    assert ingest(config) == 0
    after = {row["id"]: row["placed"] for row in rows()}
    assert after == before | {1: before[1] + timedelta(days=14), 99: before[1]}
    account = read_accounts(FOLDER)[-1]
    assert (account.read, account.accepted, account.duplicate, account.replaced) == (6, 2, 4, 1)
    assert account.duplicates == "looked for by key, latest by placed"
    version = DeltaTable(FOLDER.events).version()
    with pytest.raises(DataFailure, match="deleted or changed rows"):
        added_between(FOLDER.events, version - 1, version)


def test_a_plan_that_replaces_rows_is_killed_and_finished(config, tmp_path, monkeypatch):
    """Nobody sees both rows of a key, nor neither, and the rows are replaced once."""
    latest(config)
    shop.deliver(tmp_path, "a.csv", range(1, 11))
    assert ingest(config) == 0
    at = rows()[0]["placed"]
    deliver_at(tmp_path, "b.csv", [(n, at + timedelta(days=90)) for n in range(1, 6)])
    for point in ("tables", "commit"):
        with monkeypatch.context() as patch:
            patch.setattr(settle, "reached", lambda there, at=point: _die(there == at))
            patch.setattr(commit, "reached", lambda there, at=point: _die(there == at))
            ingest(config)
        assert ids() == list(range(1, 11))
        assert all(row["placed"] < at + timedelta(days=90) for row in rows())
    assert ingest(config) == 0
    assert ids() == list(range(1, 11))
    assert sum(row["placed"] == at + timedelta(days=90) for row in rows()) == 5
    assert [(a.accepted, a.replaced) for a in read_accounts(FOLDER)] == [(10, 0), (5, 5)]
