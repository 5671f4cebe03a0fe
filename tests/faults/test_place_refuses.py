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
from lib import clicks, shop

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


DISK = """\
mkdir -p lake && mount -t tmpfs -o size=100k tmpfs lake || exit 77
"$@" 2> full; echo $? >> codes
mount -o remount,size=100m,ro lake
"$@" 2> read_only; echo $? >> codes
mount -o remount,rw lake
"$@" 2> sound; echo $? >> codes
cp -r lake kept
"""


def on_a_small_disk(where, *call):
    """Run where `lake` is a disk that is full, read-only, sound: what each run said, and a copy of the lake."""
    ran = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", DISK, "disk", sys.executable, *call],  # noqa: S607
        cwd=where,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    if not (where / "codes").exists():
        pytest.skip(f"no disk can be mounted here: {ran.stderr.strip()[-200:]}")
    full, read_only, sound = ((where / name).read_text() for name in ("full", "read_only", "sound"))
    assert (where / "codes").read_text().split() == ["4", "4", "0"], full + read_only + sound
    assert "No space left on device; nothing half-written is visible" in full
    assert "Read-only file system" in read_only
    assert "Traceback" not in full + read_only
    (events,) = (where / "kept").glob("*/*/events")
    return DeltaTable(events).to_pyarrow_table().num_rows


def test_files_go_on_when_the_disk_is_well_again(project):
    """Full, then read-only: exit code 4 with the cure each time; well again, every row is there once."""
    call = ("-m", "pipelines.ingest_batch", "--config", str(project))
    assert on_a_small_disk(project.parents[1], *call) == 40_000


def test_a_topic_goes_on_when_the_disk_is_well_again(broker, tmp_path):
    """The same, where what failed is a worker in the middle of a stream."""
    topic = clicks.make_topic(broker)
    config = clicks.write_project(tmp_path, broker, topic)
    clicks.send(broker, topic, range(80_000))
    call = ("-m", "pipelines.ingest_stream", "--config", str(config), "--place", "place.yaml")
    assert on_a_small_disk(tmp_path, *call) == 80_000
