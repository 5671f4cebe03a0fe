"""Parts that tests of several folders start for real: a Kafka broker and Beam's runner for endless streams."""

import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"


def printed(script, *arguments):
    """What a script prints; skips the test, with the reason, where it says that this machine lacks something."""
    call = [str(SCRIPTS / script), *arguments]
    ran = subprocess.run(call, capture_output=True, text=True, timeout=600, check=False)
    if ran.returncode:
        pytest.skip(f"{script} cannot be had here: {ran.stderr.strip()[-300:]}")
    return ran.stdout.strip()


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    """The address of a Kafka broker of this session."""
    folder = str(tmp_path_factory.mktemp("kafka"))
    yield printed("kafka", "start", "--folder", folder)
    printed("kafka", "stop", "--folder", folder)


@pytest.fixture(scope="session")
def prism():
    """The path of the runner's binary."""
    return printed("prism")
