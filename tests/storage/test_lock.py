"""Two runs never write one data set at the same time, and a dead one blocks nobody."""

import fcntl
import signal
import subprocess
import sys

import pytest

from headrace import storage
from headrace.failures import Conflict

HOLD = """
import sys, time
from headrace import storage
with storage.locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_holder_frees_the_lock(tmp_path):
    """While the other process lives it is named in the message; after SIGKILL the lock is free."""
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Conflict, match=f"process {other.pid}"), storage.locked(str(tmp_path)):
            pytest.fail("two holders")
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait()
        other.stdout.close()
    with storage.locked(str(tmp_path)):
        assert (tmp_path / "_lock").exists()


def test_the_lock_of_a_folder_that_was_moved_away_is_none(tmp_path, monkeypatch):
    """Moved between the opening of the file and the lock, as a reset does: the folder that stands there is held."""
    folder, real, moved = tmp_path / "orders", fcntl.flock, []

    def late(file, how):
        if not moved:
            moved.append(folder.rename(tmp_path / "gone"))
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with storage.locked(str(folder)):
        assert moved
        with pytest.raises(Conflict), storage.locked(str(folder)):
            pytest.fail("two holders")
