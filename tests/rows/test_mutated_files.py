"""Broken files of every format: each is refused by name or read row by row; nothing crashes, hangs or is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lib import mutate

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", mutate.FORMATS)
def test_a_hundred_broken_files(tmp_path, kind):
    """In a process of its own, so that a crash of a library is told as one; rows of what is read add up."""
    call = [sys.executable, mutate.__file__, kind, "100", str(tmp_path)]
    env = {"PYTHONPATH": str(REPOSITORY)}
    ended = subprocess.run(call, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = json.loads(ended.stdout)
    assert sum(told.values()) == 100
    assert told["read" if kind in ("csv", "multiline", "jsonl") else "refused"] > 80
