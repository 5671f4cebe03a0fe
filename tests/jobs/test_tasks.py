"""One task per part: what it is given, what it may use, what comes back."""

import pyarrow as pa
import pytest
from pyspark import TaskContext

from headrace.failures import DataFailure, Failure
from jobs.cluster.failed import failure_of
from jobs.cluster.tasks import merged_parts, per_part

TOLD = pa.schema([("part", pa.string()), ("threads", pa.int64())])


def test_every_part_is_worked_on_once_and_told_in_order(spark):
    """More parts than slots, one of which has nothing to say; each task keeps to the one core it was granted."""

    def work(part):
        if part != "silent":
            yield pa.RecordBatch.from_pylist([{"part": part, "threads": pa.cpu_count()}], TOLD)

    told = per_part(spark, ["c", "a", "silent", "b"], work, TOLD)
    assert told.schema == TOLD
    assert told.to_pydict() == {"part": ["c", "a", "b"], "threads": [1, 1, 1]}
    assert per_part(spark, [], work, TOLD) == TOLD.empty_table()


def test_a_failure_of_a_task_comes_out_as_itself(spark):
    """Ours with its own kind and words, another with its kind."""

    def lost(part):
        raise DataFailure(f"{part}: the file is gone")

    def wrong(part):
        raise KeyError(part)

    with pytest.raises(DataFailure, match=r"^a\.parquet: the file is gone$"):
        per_part(spark, ["a.parquet"], lost, TOLD)
    with pytest.raises(Failure, match=r"^a Spark task failed: KeyError: 'a\.parquet'$"):
        per_part(spark, ["a.parquet"], wrong, TOLD)


def test_what_spark_says_itself_is_told_without_its_traces():
    """The cause stands behind the call it came from, before the trace of the JVM."""
    said = (
        "An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collectAndServe.\n"
        ": org.apache.spark.SparkException: Job aborted due to stage failure: Total size of serialized results of 34 "
        "tasks (1027.1 MiB) is bigger than spark.driver.maxResultSize (1024.0 MiB)\n"
        "\tat org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:3318)\n"
    )
    assert str(failure_of(RuntimeError(said))).startswith("a Spark job failed: Total size of serialized results of 34")


@pytest.mark.parametrize("parts", [1, 2, 9])
def test_large_results_are_merged_by_tasks(spark, parts):
    """However many parts there are, the driver is given a handful, and nothing is lost or taken twice."""
    at_the_driver = []

    def merge(one, other):
        if TaskContext.get() is None:
            at_the_driver.append(other)
        return one + other

    merged = merged_parts(spark, list(range(parts)), lambda part: [part], merge)
    assert sorted(merged) == list(range(parts))
    assert len(at_the_driver) == min(parts - 1, 2)
    assert merged_parts(spark, [], lambda part: [part], merge) is None
