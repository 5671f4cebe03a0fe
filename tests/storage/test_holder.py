"""A process that has ended holds nothing, whatever its number still answers to."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.storage.holder import Holder


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells the states of processes")
def test_a_zombie_and_a_number_used_again_are_dead():
    """One that nobody has asked how it ended, and one that began at another time; this process lives."""
    here = Holder.here()
    assert not here.is_dead()
    assert replace(here, began=f"{here.began}0").is_dead()
    assert not replace(here, began="").is_dead()

    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has asked how
    assert replace(here, process=ended.pid, began="").is_dead()
    ended.wait()
    assert replace(here, process=ended.pid, began="").is_dead()


def test_a_holder_reads_back_as_it_was_written():
    """Also one that tells no beginning."""
    here = Holder.here()
    assert Holder.from_json(here.to_json()) == here
    assert Holder.from_json(b'{"process": 1, "host": "a", "machine": "b"}') == Holder(1, "a", "b")
