"""Batch ingest may die anywhere; run again, every row is there once and the account is closed."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from headrace.lake.account_table import read_accounts
from headrace.lake.layout import DataSetFolder
from lib import shop

REPOSITORY = Path(__file__).parents[2]
FORGETFUL = Path(shop.__file__).with_name("forgetful.py")
ROWS = range(1, 401)
BAD = frozenset(range(7, 401, 50))
KILLED = -9


@pytest.fixture
def project(tmp_path):
    """A delivered but not yet ingested shop: two files, eight bad rows; no key that would hide what tokens miss."""
    config = shop.write_project(tmp_path)
    config.write_text(config.read_text().replace("key: [id]\n", ""))
    shop.deliver(tmp_path, "a.csv", ROWS[:200], BAD)
    shop.deliver(tmp_path, "b.csv", ROWS[200:], BAD)
    return config


CALL = [sys.executable, "-m", "pipelines.ingest_batch", "--json", "--config"]


def run(project, point="", nth=1):
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "HEADRACE_FAULT_TESTS": "1"}
    if point:
        env["HEADRACE_DIE_AT"] = f"{point}:{nth}"
    where = project.parents[1]
    return subprocess.run(
        [*CALL, str(project)], cwd=where, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def lake(project):
    return DataSetFolder(str(project.parents[1] / "lake"), "shop", "orders")


def ids(root):
    return Counter(pa.table(DeltaTable(root).to_pyarrow_table()).column("id").to_pylist())


def check_exact(project):
    folder = lake(project)
    assert ids(folder.events) == Counter(set(ROWS) - BAD)
    assert DeltaTable(folder.quarantine).to_pyarrow_table().num_rows == len(BAD)
    (account,) = read_accounts(folder)
    assert (account.read, account.accepted, account.quarantined) == (400, 392, 8)
    assert account.reasons == {"shop.in": 8}


DEATHS = [
    ("sealed", 1),
    ("file", 1),  # one table's file is finished
    ("file", 2),  # both are, nothing is committed
    ("commit", 1),  # all is proven, nothing is committed
    ("tables", 1),  # quarantine carries the plan, events do not
    ("committed", 1),  # both do, the accounts table does not
    ("accounted", 1),  # the account is written too, the run has not said so
]


def test_a_run_killed_at_every_point_is_finished_by_the_next(project):
    """SIGKILL at every point, each a little further along the commit path, then an ordinary run: exact."""
    for point, nth in DEATHS:
        assert run(project, point, nth).returncode == KILLED, point
    finished = run(project)
    assert finished.returncode == 0, finished.stderr
    assert '"nothing_to_do": true' in finished.stdout
    check_exact(project)


def test_repeats_are_left_out_once_also_when_killed(project):
    """Killed between the tables' commits, the next run finds the same repeats, and the accounts say so."""
    project.write_text(project.read_text().replace("time: placed\n", "key: [id]\ntime: placed\n"))
    shop.deliver(project.parents[1], "c.csv", ROWS[100:250], BAD)
    assert run(project, "tables", 1).returncode == KILLED
    assert run(project).returncode == 0
    assert ids(lake(project).events) == Counter(set(ROWS) - BAD)
    (account,) = read_accounts(lake(project))
    assert (account.read, account.accepted, account.quarantined, account.duplicate) == (550, 392, 11, 147)


def test_new_files_after_a_failed_plan_wait_for_it(project):
    """The open plan is finished with its own files, then the new file has a plan of its own."""
    assert run(project, "file", 1).returncode == KILLED
    shop.deliver(project.parents[1], "c.csv", range(401, 411))
    assert run(project).returncode == 0
    accounts = read_accounts(lake(project))
    assert [(a.plan, a.files, a.read) for a in accounts] == [(1, 2, 400), (2, 1, 10)]


def test_without_reading_the_token_back_rows_double(project):
    """The negative control: a committer that trusts its memory writes a killed plan's rows twice."""
    assert run(project, "committed", 2).returncode == KILLED
    forgetful = [sys.executable, str(FORGETFUL), str(project)]
    ended = subprocess.run(forgetful, cwd=project.parents[1], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert set(ids(lake(project).events).values()) == {2}


def test_two_runs_at_once_make_one_plan(project):
    """Of two runs started together one ingests, the other does or ends with exit code 6; nothing is there twice."""
    call = [*CALL, str(project)]
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    runs = [
        subprocess.Popen(call, cwd=project.parents[1], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in "ab"
    ]
    for process in runs:
        process.communicate(timeout=120)
    assert sorted(p.returncode for p in runs) in ([0, 0], [0, 6])
    check_exact(project)


def test_ctrl_c_ends_cleanly_and_the_next_run_goes_on(project):
    """SIGINT to the whole group, as a terminal sends it: exit code 130, a word on how to go on, then exact."""
    call = [sys.executable, "-m", "headrace.cli", "ingest", "shop", "--json"]
    where = {"cwd": project.parents[1], "start_new_session": True, "text": True}
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **where) as run_:
        assert "plan 1 of orders" in run_.stdout.readline()
        os.killpg(run_.pid, signal.SIGINT)
        said, _ = run_.communicate(timeout=120)
    assert run_.returncode == 130
    assert "run again to go on" in said.splitlines()[-1]
    assert run(project).returncode == 0
    check_exact(project)
