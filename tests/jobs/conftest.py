"""One Spark session for all job tests."""

import os
import signal
import sys

import pytest

from headrace.spec.place import SparkPlace
from jobs.cluster.session import session
from lib.parcels import Shop, orders, returns

PATIENCE = 240  # seconds for one test; a hang becomes a failure


@pytest.fixture(autouse=True)
def _no_hang():
    """A test that hangs in a worker or a socket ends with an error instead."""

    def stop(*_):
        raise TimeoutError(f"no end after {PATIENCE} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def spark():
    """`local[2]`, with Delta, tuned for many tiny jobs; every job uses it because it is running."""
    place = SparkPlace(
        master="local[2]",
        conf={
            "spark.sql.shuffle.partitions": "2",
            "spark.driver.memory": "1g",
            "spark.sql.codegen.wholeStage": "false",
            "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        },
    )
    os.environ["PYSPARK_PYTHON"] = sys.executable
    with session(place, "tests", delta=True) as running:
        yield running


@pytest.fixture
def shop(tmp_path, spark):
    """A project with all its orders as features and all their returns, ready for its jobs."""
    built = Shop(tmp_path)
    built.build_features(orders())
    built.deliver(returns())
    return built
