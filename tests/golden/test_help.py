"""What `--help` says of every entry point, word for word: a change of it is a change for users."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ENTRY_POINTS = [
    "headrace.cli",
    "pipelines.build_features",
    "pipelines.ingest_batch",
    "pipelines.ingest_stream",
    "jobs.build_examples",
    "jobs.evaluate",
    "jobs.score",
    "jobs.train",
]


@pytest.mark.parametrize("module", ENTRY_POINTS)
def test_help_is_as_agreed(module):
    """Write the golden file anew on purpose: HEADRACE_GOLDEN=write scripts/test tests/golden."""
    golden = HERE / f"{module}.help.txt"
    plain = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    said = subprocess.run(
        [sys.executable, "-m", module, "--help"], env=plain, capture_output=True, text=True, timeout=60, check=True
    ).stdout
    if os.environ.get("HEADRACE_GOLDEN") == "write":
        golden.write_text(said)
    assert said == golden.read_text()
