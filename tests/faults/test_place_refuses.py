"""A machine that refuses room or rights ends a run with exit code 4, and the next one goes on."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable

from headrace.lake.account_table import read_accounts
from headrace.lake.layout import DataSetFolder
from lib import shop

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path):
    """A delivered but not yet ingested shop."""
    config = shop.write_project(tmp_path)
    shop.deliver(tmp_path, "a.csv", range(1, 40_001))
    return config


def run(project, *, limit=None):
    """Ingest; `limit` bytes are the most that a file may have, as on a full disk."""

    def bounded():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit or resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    call = [sys.executable, "-m", "pipelines.ingest_batch", "--config", "shop/orders.yaml"]
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    where = project.parents[1]
    return subprocess.run(  # the child has one thread when the limit is set
        call, cwd=where, env=env, preexec_fn=bounded, capture_output=True, text=True, timeout=120, check=False
    )


def test_no_room_for_a_data_file(project):
    """The message names the file and the cure, without a trace; with room again, every row is there once."""
    failed = run(project, limit=100_000)
    assert failed.returncode == 4, failed.stderr
    assert "File too large; nothing half-written is visible" in failed.stderr
    assert "Traceback" not in failed.stderr
    folder = DataSetFolder(str(project.parents[1] / "lake"), "shop", "orders")
    assert DeltaTable(folder.events).version() == 0

    assert run(project).returncode == 0
    (account,) = read_accounts(folder)
    assert account.read == DeltaTable(folder.events).to_pyarrow_table().num_rows == 40_000
