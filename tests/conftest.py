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
def broker_folder(tmp_path_factory):
    """Where the session's broker keeps its data and the number of its process."""
    return tmp_path_factory.mktemp("kafka")


@pytest.fixture(scope="session")
def broker(broker_folder):
    """The address of a Kafka broker of this session."""
    yield printed("kafka", "start", "--folder", str(broker_folder))
    printed("kafka", "stop", "--folder", str(broker_folder))


@pytest.fixture(scope="session")
def prism():
    """The path of the runner's binary."""
    return printed("prism")
