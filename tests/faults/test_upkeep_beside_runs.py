"""Upkeep beside a run that stands still for longer than the retention: it goes on, and every row is there once."""

import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path

from deltalake import DeltaTable

from headrace.lake.layout import DataSetFolder
from headrace.lake.orphans import orphans
from lib import shop

REPOSITORY = Path(__file__).parents[2]


def call(where, *arguments, **settings):
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "HEADRACE_FAULT_TESTS": "1", **settings}
    return subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=where, env=env, stdout=subprocess.DEVNULL, start_new_session=True
    )


def test_files_of_a_live_run_stay_however_long_it_takes(tmp_path):
    """A run is stopped with finished files in hand; upkeep without any retention leaves them; the run ends exact."""
    config = shop.write_project(tmp_path)
    folder = DataSetFolder(str(tmp_path / "lake"), "shop", "orders")
    shop.deliver(tmp_path, "a.csv", range(1, 101), bad=frozenset({7}))
    assert call(tmp_path, "pipelines.ingest_batch", "--config", str(config)).wait(60) == 0
    shop.deliver(tmp_path, "b.csv", range(101, 201), bad=frozenset({107}))
    lost = Path(folder.events) / "lost.parquet"  # of a run that died long before
    lost.write_bytes(b"x")
    os.utime(lost, (0, 0))
    run = call(tmp_path, "pipelines.ingest_batch", "--config", str(config), HEADRACE_STOP_AT="file:2")
    try:
        os.waitid(os.P_PID, run.pid, os.WSTOPPED)
        version, nothing = DeltaTable(folder.events).version(), dt.timedelta(0)
        # The control: by its age and its names alone, a file of the run would go.
        assert len(orphans(folder.events, version, nothing)) == 2
        assert call(tmp_path, "headrace.cli", "upkeep", "shop", "--older-than", "0s").wait(60) == 0
        assert not lost.exists()
        assert len(orphans(folder.events, version, nothing)) == 1
    finally:
        os.killpg(run.pid, signal.SIGCONT)
    assert run.wait(60) == 0
    ids = DeltaTable(folder.events).to_pyarrow_table().column("id").to_pylist()
    assert sorted(ids) == [n for n in range(1, 201) if n not in (7, 107)]
    assert DeltaTable(folder.quarantine).to_pyarrow_table().num_rows == 2
