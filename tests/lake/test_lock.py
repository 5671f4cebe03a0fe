"""Two runs never write one data set at the same time, and a dead one blocks nobody."""

import signal
import subprocess
import sys

import pytest

from headrace.failures import Conflict
from headrace.lake.lock import locked

HOLD = """
import sys, time
from headrace.lake.lock import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_holder_frees_the_lock(tmp_path):
    """While the other process lives it is named in the message; after SIGKILL the lock is free."""
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Conflict, match=f"process {other.pid}"), locked(str(tmp_path)):
            pytest.fail("two holders")
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait()
        other.stdout.close()
    with locked(str(tmp_path)):
        assert (tmp_path / "_lock").exists()
