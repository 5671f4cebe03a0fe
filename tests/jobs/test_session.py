"""A session that cannot go on says why, and whose fault it is."""

import os
import subprocess
import sys

from jobs.cluster import master

JOB = """
import os, signal
import pyarrow as pa
from headrace import entry
from headrace.spec.place import SparkPlace
from jobs.cluster.session import session
from jobs.cluster.tasks import per_part

TOLD = pa.schema([("n", pa.int64())])

def flow(call):
    with session(SparkPlace(master="local[1]"), "killed") as spark:
        os.kill(spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid(), signal.SIGKILL)
        per_part(spark, [1], lambda n: iter([pa.RecordBatch.from_pydict({"n": [n]})]), TOLD)
    return {}

raise SystemExit(entry.run(flow, ["--config", "any"], prog="killed", about="."))
"""


def test_a_driver_jvm_that_dies_is_told_with_the_cure(tmp_path):
    """Exit code 4 and one line for people: no trace, no second failure from stopping what is gone."""
    script = tmp_path / "job.py"
    script.write_text(JOB)
    paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    run = subprocess.run(
        [sys.executable, str(script)], env=os.environ | paths, capture_output=True, text=True, timeout=200, check=False
    )

    assert run.returncode == 4, run.stderr
    assert "error: Spark's driver JVM ended in the middle of the work" in run.stderr
    assert "spark.driver.memory" in run.stderr
    assert "Traceback" not in run.stderr


def test_only_cores_this_process_may_use_are_slots(monkeypatch):
    """`taskset` or a batch system gave it one of many."""
    monkeypatch.setattr(master.os, "cpu_count", lambda: 64)
    monkeypatch.setattr(master.os, "sched_getaffinity", lambda _: {5}, raising=False)
    assert master.local_slots("local[*]") == 1
