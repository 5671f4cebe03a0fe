"""Workers stand in another folder than the driver, and may see other files."""

import json
import os
import socket
from collections import Counter

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from headrace.lake.layout import DataSetFolder, ModelFolder
from lib import shop
from pipelines import build_features, ingest_batch
from pipelines.launch import Launcher


@pytest.fixture
def before_the_run(monkeypatch):
    """Set what happens between the driver's work and the workers'; the driver then stands where it stood."""
    run, here = Launcher.run, os.getcwd

    def set_(happens):
        def between(launcher, step, work, build):
            stood = here()

            def built(root):
                build(root)
                happens()

            try:
                return run(launcher, step, work, built)
            finally:
                os.chdir(stood)

        monkeypatch.setattr(Launcher, "run", between)

    return set_


def last(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The shop with one delivered file, from inside the working folder."""
    monkeypatch.chdir(tmp_path)
    config = shop.write_project(tmp_path).relative_to(tmp_path)
    shop.deliver(tmp_path, "a.csv", range(1, 301))
    return str(config)


def test_relative_paths_mean_the_drivers_folder(config, tmp_path, before_the_run):
    """Sources, tables and plans are found from anywhere; rows are named by the path as it was written."""
    model = shop.write_model(tmp_path).relative_to(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    before_the_run(lambda: os.chdir(tmp_path / "elsewhere"))
    for name in ("orders", "prices", "regions"):
        assert ingest_batch.main(["--config", f"shop/{name}.yaml"]) == 0
    assert build_features.main(["--config", str(model)]) == 0
    assert not list((tmp_path / "elsewhere").iterdir())
    events = pa.table(DeltaTable(DataSetFolder("lake", "shop", "orders").events).to_pyarrow_table())
    assert Counter(events.column("_file").to_pylist()) == {"raw/orders/a.csv": 300}
    assert DeltaTable(ModelFolder("lake", "shop", "big").features).to_pyarrow_table().num_rows == 300


def test_a_file_a_worker_does_not_see_is_told_with_the_worker(config, tmp_path, before_the_run, capsys):
    """It has not changed: exit code 4, the host and where it looked."""
    before_the_run((tmp_path / "raw/orders/a.csv").unlink)
    assert ingest_batch.main(["--config", config, "--json"]) == 4
    looked = f"raw/orders/a.csv: {socket.gethostname()} sees no such file at {tmp_path.resolve()}/raw/orders/a.csv"
    assert looked in last(capsys)["message"]


def test_a_file_that_changed_after_sealing_is_told(config, tmp_path, before_the_run, capsys):
    """Exit code 3, and nothing of it is read."""
    before_the_run(lambda: (tmp_path / "raw/orders/a.csv").write_text("id;placed"))
    assert ingest_batch.main(["--config", config, "--json"]) == 3
    assert "raw/orders/a.csv: has changed since the plan was sealed" in last(capsys)["message"]
