"""A run that watches its folder: files that come later are ingested, and it ends when it is told to."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from headrace.lake.account_table import read_accounts
from headrace.lake.layout import DataSetFolder
from lib import shop
from pipelines import ingest_batch

ATTEMPTS = 500  # some minutes: the machine may be busy
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path):
    """The shop's data-set file; nothing is delivered yet."""
    return shop.write_project(tmp_path)


ITSELF = ("pipelines.ingest_batch", "--config")
BY_HEADRACE = ("headrace.cli", "ingest")


@pytest.fixture
def watching(config, tmp_path, request):
    """A run that looks every second, in a process of its own; killed at the end if it is still there."""
    (tmp_path / "place.yaml").write_text("place: here\nmetrics: {folder: told, every: 1s}\n")
    how = ("--place", "place.yaml", "--watch", "1s", "--json")
    run = subprocess.Popen(
        [sys.executable, "-m", *getattr(request, "param", ITSELF), str(config), *how],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with run:
        yield run
        run.kill()


def folder(tmp_path):
    return DataSetFolder(str(tmp_path / "lake"), "shop", "orders")


def wait_for(run, tmp_path, rows):
    """Until so many rows are there; a run that has ended will not bring them."""
    for _ in range(ATTEMPTS):
        try:
            found = DeltaTable(folder(tmp_path).events).to_pyarrow_dataset().count_rows()
        except TableNotFoundError:
            found = 0
        if found >= rows:
            assert found == rows
            return
        assert run.poll() is None, run.communicate()[0]
        time.sleep(0.2)
    pytest.fail(f"{rows} rows did not come")


@pytest.mark.parametrize("watching", [ITSELF, BY_HEADRACE], indirect=True, ids=["itself", "headrace"])
def test_files_that_come_later_are_ingested_until_it_is_told_to_end(watching, tmp_path):
    """It may begin before the first file; each delivery is a plan; SIGTERM ends it well, with the sums of all."""
    shop.deliver(tmp_path, "a.csv", range(1, 11))
    wait_for(watching, tmp_path, 10)
    shop.deliver(tmp_path, "_b.csv", range(11, 31))
    (tmp_path / "raw/orders/_b.csv").rename(tmp_path / "raw/orders/b.csv")
    wait_for(watching, tmp_path, 30)
    watching.send_signal(signal.SIGTERM)
    out, _ = watching.communicate(timeout=60)
    summary = json.loads(out.splitlines()[-1])["summary"]
    assert watching.returncode == 0
    assert (summary["plans"], summary["read"]) == ([1, 2], 30)
    told = (tmp_path / "told/shop_orders.prom").read_text()  # kept while it ran, and written at its end
    assert 'headrace_rows_total{data_set="orders",state="read"} 30' in told
    assert [account.files for account in read_accounts(folder(tmp_path))] == [1, 1]


def test_ctrl_c_ends_it_at_once(watching, config, tmp_path):
    """With the code of an interrupted run; meanwhile a second run is told that one is at work."""
    shop.deliver(tmp_path, "a.csv", range(1, 11))
    wait_for(watching, tmp_path, 10)
    assert ingest_batch.main(["--config", str(config), "--place", str(_place(tmp_path))]) == 6
    watching.send_signal(signal.SIGINT)
    out, _ = watching.communicate(timeout=60)
    assert watching.returncode == 130
    assert "run again to go on" in json.loads(out.splitlines()[-1])["message"]


def _place(tmp_path):
    path = tmp_path / "here.yaml"
    path.write_text(f"place: here\nroots: {{lake: {tmp_path / 'lake'}}}\n")
    return path


@pytest.mark.parametrize("pause", ["soon", "0s", "1"])
def test_a_pause_that_is_none_is_refused(config, pause, capsys):
    """As any option that means nothing is."""
    with pytest.raises(SystemExit) as ended:
        ingest_batch.main(["--config", str(config), "--watch", pause])
    assert ended.value.code == 2
    assert "--watch" in capsys.readouterr().err
