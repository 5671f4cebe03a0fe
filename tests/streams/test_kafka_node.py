"""The broker that tests and people start: it ends nothing but itself."""

import os
import signal
import subprocess
import sys

from scripts import kafka_node


def test_a_node_that_answers_is_found_again(broker, tmp_path):
    """Where none was started none is running; the session's broker has an address."""
    assert broker.startswith("127.0.0.1:")
    assert kafka_node.running(tmp_path) is None
    assert kafka_node.stop(tmp_path) is False


def test_stop_leaves_a_stranger_alone_that_has_the_number(tmp_path):
    """A process number is given anew by the system; what is no broker of this folder is not ended."""
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (tmp_path / "node.json").write_text(f'{{"process": {stranger.pid}, "servers": "127.0.0.1:1"}}')
    try:
        assert kafka_node.stop(tmp_path) is False
        assert stranger.poll() is None
    finally:
        os.kill(stranger.pid, signal.SIGKILL)
        stranger.wait()


def test_jars_with_other_bytes_are_not_taken(tmp_path):
    """Every pinned jar that lacks or differs is named."""
    (tmp_path / "argparse4j-0.7.0.jar").write_bytes(b"other")
    assert "argparse4j-0.7.0.jar" in kafka_node._differing(tmp_path)
