"""A topic goes into tables on a store; a broker of this session and the double of S3."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from deltalake import DeltaTable

from headrace.lake.layout import DataSetFolder
from lib import clicks
from pipelines import ingest_stream

REPOSITORY = Path(__file__).parents[2]
CALL = ["--config", "web/clicks.yaml", "--place", "place.yaml", "--json"]
KILLED = -9


@pytest.fixture
def web(broker, store, tmp_path, monkeypatch):
    """An empty topic, and the project that reads it into a lake on the store."""
    monkeypatch.chdir(tmp_path)
    topic = clicks.make_topic(broker)
    clicks.write_project(tmp_path, broker, topic, runner=f"roots: {{lake: {store}/lake}}\n")
    return topic


def test_a_stream_killed_between_its_tables_is_in_them_once(broker, web, store, capsys):
    """SIGKILL after the first commit: the next run goes on where each table ends."""
    sent = clicks.send(broker, web, range(500), poison_every=20)
    env = {"PYTHONPATH": str(REPOSITORY), "HEADRACE_FAULT_TESTS": "1", "HEADRACE_DIE_AT": "committed"}
    call = [sys.executable, "-m", "pipelines.ingest_stream", *CALL]
    died = subprocess.run(
        call,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        start_new_session=True,
    )
    assert died.returncode == KILLED, died.stdout + died.stderr
    assert ingest_stream.main(CALL) == 0, capsys.readouterr().out
    lake = DataSetFolder(f"{store}/lake", "web", "clicks")
    assert Counter(DeltaTable(lake.events).to_pyarrow_table().column("id").to_pylist()) == Counter(range(500))
    assert DeltaTable(lake.quarantine).to_pyarrow_table().num_rows == sent - 500
