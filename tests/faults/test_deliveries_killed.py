"""Ingest of packed files may die anywhere as well: an open-ended range is read anew, and every row is there once."""

import gzip
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable

from headrace.lake.account_table import read_accounts
from headrace.lake.layout import DataSetFolder
from lib import shop

REPOSITORY = Path(__file__).parents[2]
KILLED = -9


def run(config, point=""):
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "HEADRACE_FAULT_TESTS": "1", "HEADRACE_DIE_AT": point}
    call = [sys.executable, "-m", "pipelines.ingest_batch", "--json", "--config", str(config)]
    return subprocess.run(
        call, cwd=config.parents[1], env=env, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_packed_file_is_in_once_whenever_the_run_was_killed(tmp_path):
    """SIGKILL after the seal, after a data file and between the tables' commits, then an ordinary run: exact."""
    config = shop.write_project(tmp_path)
    config.write_text(config.read_text().replace("key: [id]\n", "").replace("*.csv", "*"))
    bad = frozenset(range(7, 3000, 50))
    shop.deliver(tmp_path, "a", range(1, 3000), bad)
    plain = tmp_path / "raw/orders/a"
    (tmp_path / "raw/orders/a.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    for point in ("sealed", "file", "tables"):
        assert run(config, point).returncode == KILLED, point
    finished = run(config)
    assert finished.returncode == 0, finished.stderr
    folder = DataSetFolder(str(tmp_path / "lake"), "shop", "orders")
    found = Counter(pa.table(DeltaTable(folder.events).to_pyarrow_table()).column("id").to_pylist())
    assert found == Counter(set(range(1, 3000)) - bad)
    (account,) = read_accounts(folder)
    assert (account.read, account.quarantined) == (2999, len(bad))
