"""Run one piece of work in every worker at once, joined by XGBoost's collective; all of it or a failure."""

import contextlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import pyarrow as pa
import xgboost as xgb
from pyspark.sql import SparkSession
from xgboost import collective
from xgboost.tracker import RabitTracker

from headrace.failures import Failure, PlaceFailure
from jobs.cluster.executors import concurrent_tasks
from jobs.cluster.failed import failure_of, job_error, spark_errors, worker_error
from jobs.cluster.master import is_local
from jobs.cluster.session import LOOPBACK

_LOG = logging.getLogger(__name__)
_ECHO = 2  # seconds

type Work = Callable[[int, int], bytes]
"""(number of the worker, threads it may use) → its result; only that of worker 0 is kept."""


def all_at_once(spark: SparkSession, workers: int, work: Work, peer_timeout: timedelta) -> bytes:
    """What worker 0 returned, once all have ended well.

    Each call of `work` runs inside a communicator whose ranks are the worker numbers, so
    the same shares give the same model. A worker that fails, dies or falls silent ends
    the stage; nothing is tried again.

    Args:
        spark: where they run.
        workers: how many.
        work: what each does.
        peer_timeout: how long one waits for another that says nothing; by itself XGBoost waits for ever.

    Raises:
        PlaceFailure: a worker died or went silent.
        Failure: the work itself failed; the message is the worker's.
    """
    tracker = RabitTracker(n_workers=workers, host_ip=driver_host(spark), sortby="task")
    tracker.start()
    peers = {**tracker.worker_args(), "dmlc_timeout": int(peer_timeout.total_seconds())}
    threads = threads_per_worker(spark, workers)

    def task(numbers: Iterable[int]) -> Iterator[bytes]:
        pa.set_cpu_count(threads)
        for number in numbers:
            with contextlib.redirect_stdout(None):  # XGBoost says its rank there, for every worker and stage
                result = _joined(number, threads, peers, work)
            if number == 0:
                yield result

    try:
        # n numbers in n partitions: one worker each.
        stage = spark.sparkContext.parallelize(range(workers), workers).barrier().mapPartitions(task)
        (result,) = stage.collect()
        tracker.wait_for(timeout=10)
    except spark_errors() as failure:
        raise _told(failure) from failure
    finally:
        _free(tracker)
    return bytes(result)


def _joined(number: int, threads: int, peers: dict[str, Any], work: Work) -> bytes:
    try:
        # Ranks follow the task ids as text, hence the zeros.
        with collective.CommunicatorContext(dmlc_task_id=f"{number:06d}", **peers):
            return work(number, threads)
    except xgb.core.XGBoostError as fault:
        failure = peer_failure(str(fault), peers["dmlc_timeout"])
        if failure is None:
            raise Failure(f"XGBoost refuses: {said_by_xgboost(str(fault))}") from fault
        # Mostly the echo of a failure in another worker: let that one be the first that Spark hears of.
        time.sleep(_ECHO)
        raise failure from fault


def peer_failure(text: str, seconds: int) -> PlaceFailure | None:
    """What an error of XGBoost's collective means; None where it is about something else.

    >>> peer_failure("[12:00:00] /src/objective/x.cu:116: Check failed: bad parameter", 300) is None
    True
    """
    if "/collective/" not in text and "coll_c_api" not in text:
        return None
    said = said_by_xgboost(text)
    if "timeout" in text.lower():
        return PlaceFailure(
            f"a worker waited {seconds} s for another one, which may be alive and slow ({said}): raise "
            "`peer_timeout` under `spark` in the place file, or give workers equal machines. "
            "Nothing was written, run again"
        )
    return PlaceFailure(
        f"a worker lost another one on the way ({said}): it died, or the network between them broke. "
        "Nothing was written, run again"
    )


def said_by_xgboost(text: str) -> str:
    r"""The line that says what is wrong: the innermost of its chain, without places in its source.

    >>> said_by_xgboost("[1:02:03] /src/r.cc:83: [c.cc:38|1:02:03]:\n\n- [a.cc:3|1:02:03]: Ring failed.\n"
    ...     "- [p.h:206|1:02:03]: Poll timeout:4 seconds. Connection timed out\nStack trace:\n  [bt] (0) x")
    'Poll timeout:4 seconds. Connection timed out'
    >>> said_by_xgboost("[1:02:03] /src/o.cu:116: Check failed: is_valid: base_score must be in (0,1)\nStack trace:")
    'Check failed: is_valid: base_score must be in (0,1)'
    """
    lines = [_PLACE.sub("", line).strip() for line in text.partition("Stack trace:")[0].splitlines()]
    return next((line for line in reversed(lines) if line), "it does not say what")[:500]


def threads_per_worker(spark: SparkSession, workers: int) -> int:
    """What Spark grants a task; on a laptop also the cores that no worker would use.

    The number of threads does not change the model.
    """
    granted = int(spark.conf.get("spark.task.cpus", "1") or 1)
    if not is_local(str(spark.sparkContext.master)):
        return granted
    return max(granted * concurrent_tasks(spark) // workers, granted)


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


def _told(failure: Exception) -> Failure:
    text = str(failure)
    if "SPARK-24819" in text or "BarrierJobSlotsNumberCheckFailed" in text:
        return PlaceFailure(
            "more workers than free slots: a barrier stage needs all workers at once; "
            "lower `train.workers` in the model file, or give the place more slots"
        )
    if worker_error(text) is None and _LOST.search(text):
        return PlaceFailure(
            f"a worker died ({job_error(text)[:300]}); mostly it ran out of memory: give "
            "executors more memoryOverhead, or more `workers` smaller shares. Nothing was written, run again"
        )
    return failure_of(failure)


# How Spark says that a process of a task is gone; anything else that has no Python trace is a fault of its own.
_LOST = re.compile(
    r"Python worker exited unexpectedly|ExecutorLostFailure|[Ee]xecutor (?:lost|\S+ exited)|OutOfMemoryError"
)
# Where XGBoost's source says it: "[time] /file.cc:83: ", "- [file.cc:38|time]: ".
_PLACE = re.compile(r"^(?:- )?(?:\[[\d:]+\] \S+:\d+: ?)?(?:\[\S+:\d+\|[\d:]+\]: ?)?")
