"""Run one piece of work in every worker at once, joined by XGBoost's collective; all of it or a failure."""

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import xgboost as xgb
from pyspark import BarrierTaskContext
from pyspark.sql import SparkSession
from xgboost import collective
from xgboost.tracker import RabitTracker

from headrace.failures import Failure, PlaceFailure
from jobs.cluster.failed import failure_of, spark_errors, worker_error
from jobs.cluster.master import is_local, local_slots
from jobs.cluster.session import LOOPBACK

_LOG = logging.getLogger(__name__)
PEER_TIMEOUT = 300  # seconds a worker waits for a silent peer; XGBoost's own default is to wait for ever

type Work = Callable[[int, int], bytes]
"""(number of the worker, threads it may use) → its result; only that of worker 0 is kept."""


def all_at_once(spark: SparkSession, workers: int, work: Work, *, peer_timeout: int = PEER_TIMEOUT) -> bytes:
    """What worker 0 returned, once all have ended well.

    Each call of `work` runs inside a communicator whose ranks are the worker numbers, so
    the same shares give the same model. A worker that fails, dies or falls silent ends
    the stage; nothing is tried again.

    Raises:
        PlaceFailure: a worker died or went silent.
        Failure: the work itself failed; the message is the worker's.
    """
    tracker = RabitTracker(n_workers=workers, host_ip=driver_host(spark), sortby="task")
    tracker.start()
    peers = {**tracker.worker_args(), "dmlc_timeout": peer_timeout}
    threads = threads_per_worker(spark, workers)

    def task(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            continue  # only the number of the partition matters
        number = BarrierTaskContext.get().partitionId()
        pa.set_cpu_count(threads)
        with contextlib.redirect_stdout(None):  # XGBoost says its rank there, for every worker and stage
            result = _joined(number, threads, peers, work)
        if number == 0:
            yield pa.RecordBatch.from_pydict({"result": pa.array([result], pa.binary())})

    try:
        # A range of n rows in n partitions: one empty task per worker.
        rows = spark.range(0, workers, 1, workers).mapInArrow(task, "result binary", barrier=True).collect()
        tracker.wait_for(timeout=10)
    except spark_errors() as failure:
        raise _told(failure, peer_timeout) from failure
    finally:
        _free(tracker)
    return bytes(rows[0]["result"])


def _joined(number: int, threads: int, peers: dict[str, Any], work: Work) -> bytes:
    try:
        # Ranks follow the task ids as text, hence the zeros.
        with collective.CommunicatorContext(dmlc_task_id=f"{number:06d}", **peers):
            return work(number, threads)
    except xgb.core.XGBoostError:
        # Mostly the echo of a failure in another worker: let that one be the first that Spark hears of.
        time.sleep(2)
        raise


def threads_per_worker(spark: SparkSession, workers: int) -> int:
    """What Spark grants a task; on a laptop also the cores that no worker would use.

    The number of threads does not change the model.
    """
    granted = int(spark.conf.get("spark.task.cpus", "1") or 1)
    master = str(spark.sparkContext.master)
    spare = (local_slots(master) or 1) // workers if is_local(master) else 1
    return max(granted, spare, 1)


def driver_host(spark: SparkSession) -> str:
    """Where workers reach the driver: loopback when all is on one machine."""
    if is_local(str(spark.sparkContext.master)):
        return LOOPBACK
    return str(spark.conf.get("spark.driver.host") or os.environ.get("SPARK_LOCAL_IP") or LOOPBACK)


def _free(tracker: RabitTracker) -> None:
    try:
        tracker.free()
    except xgb.core.XGBoostError as fault:
        # After a failed stage the tracker's socket is torn; the failure itself is on its way already.
        _LOG.debug("tracker: %s", fault)


def _told(failure: Exception, peer_timeout: int) -> Failure:
    text = str(failure)
    if "SPARK-24819" in text or "BarrierJobSlotsNumberCheckFailed" in text:
        return PlaceFailure(
            "more workers than free slots: a barrier stage needs all workers at once; "
            "lower `train.workers` in the model file, or give the place more slots"
        )
    cause = worker_error(text)
    if cause is None or cause[0] == "XGBoostError":
        said = f" ({cause[1][:300]})" if cause else ""
        return PlaceFailure(
            f"a worker died, or said nothing for {peer_timeout} s{said}; mostly it ran out of memory: give "
            "executors more memoryOverhead, or more `workers` smaller shares. Nothing was written, run again"
        )
    return failure_of(failure)
