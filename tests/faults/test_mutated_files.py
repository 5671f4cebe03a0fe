"""Broken files of every format: each is refused by name or read row by row; nothing crashes, hangs or is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.mutated.files import FORMATS

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_hundred_broken_files(kind):
    """Looked at one by one and ingested at once: rows of what is read add up, and the rest is named."""
    call = [sys.executable, "-m", "benchmarks.mutated", "--files", "100", "--format", kind, "--json"]
    ended = subprocess.run(call, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = json.loads(ended.stdout)["formats"][kind]
    assert found["files"] == 101
    assert (found["refused"] > 30) == (kind in ("gz", "zst", "parquet", "avro"))
