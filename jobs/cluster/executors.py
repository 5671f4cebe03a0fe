"""How many tasks the executors that are there can run at once; and waiting until they are enough."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from headrace.failures import PlaceFailure

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

type Tell = Callable[..., None]
"""As `Progress.step`: what is being done, and its figures."""

CHECK_INTERVAL = "spark.scheduler.barrier.maxConcurrentTasksCheck.interval"
CHECK_TIMES = "spark.scheduler.barrier.maxConcurrentTasksCheck.maxFailures"
_WAIT_FOR_ASKED = "spark.scheduler.maxRegisteredResourcesWaitingTime"
_LOOK = 1.0  # seconds between two looks
_SAY = 15.0  # seconds between two words about it


def concurrent_tasks(spark: SparkSession) -> int:
    """How many tasks run at once on the executors that have come so far: the number Spark's barrier check uses."""
    context = _context(spark)
    return int(context.maxNumConcurrentTasks(context.resourceProfileManager().defaultResourceProfile()))


def await_executors(spark: SparkSession, workers: int | None = None, tell: Tell | None = None) -> None:
    """There are slots for all `workers` at once; without `workers`, for what the conf asks for, or what came in time.

    Executors of a cluster come some time after the session. For workers the patience is
    that of Spark's own check (its interval times its failures), for the rest that of its scheduler.

    Raises:
        PlaceFailure: workers have been waited for, and there is no room for all of them; or executors come and go.
    """
    if workers:
        refuse_dynamic_allocation(dict(spark.sparkContext.getConf().getAll()), workers)
    wanted = workers or _asked_for(spark)
    patience = _patience(spark) if workers else _seconds(spark, _WAIT_FOR_ASKED, "30s")
    begun, said = time.monotonic(), float("-inf")
    while (found := concurrent_tasks(spark)) < wanted:
        now = time.monotonic()
        if now - begun >= patience:
            break
        if tell and now - said >= _SAY:
            said = now
            tell("waiting for executors", slots=found, wanted=wanted, patience_seconds=round(patience - (now - begun)))
        time.sleep(_LOOK)
    if workers and found < workers:
        raise PlaceFailure(
            f"{spark.sparkContext.master} has {found} slots after {patience:.0f} s, but train.workers is {workers} and "
            "all workers of a barrier stage run at once; give the place more executors or cores, or lower "
            "train.workers in the model file (another number gives another model); if executors only come later, "
            f"raise {CHECK_TIMES} under `spark.conf` in the place file"
        )


def refuse_dynamic_allocation(conf: Mapping[str, str], workers: int) -> None:
    """Nothing, where executors do not come and go.

    Raises:
        PlaceFailure: they do, and Spark lets no barrier stage run then.
    """
    if conf.get("spark.dynamicAllocation.enabled", "false").strip().lower() == "true":
        raise PlaceFailure(
            "spark.dynamicAllocation.enabled is true, but a barrier stage needs its "
            f"{workers} workers from the start and Spark refuses it; set it to false under `spark.conf` in the place "
            "file (it may come from spark-defaults.conf) and fix the number of executors"
        )


def _asked_for(spark: SparkSession) -> int:
    """The slots of the executors that the conf asks for; one where it leaves that to the cluster."""
    conf = spark.sparkContext.getConf()
    per_task = int(conf.get("spark.task.cpus", "1"))
    executors, each = conf.get("spark.executor.instances"), conf.get("spark.executor.cores", "1")
    cores = conf.get("spark.cores.max") or (int(executors) * int(each) if executors else 1)
    return max(int(cores) // per_task, 1)


def _patience(spark: SparkSession) -> float:
    return _seconds(spark, CHECK_INTERVAL, "15s") * int(spark.sparkContext.getConf().get(CHECK_TIMES, "40"))


def _seconds(spark: SparkSession, key: str, default: str) -> float:
    """A time as Spark spells it."""
    return float(_context(spark).conf().getTimeAsMs(key, default)) / 1000


def _context(spark: SparkSession) -> Any:
    """The JVM's own context: pyspark's does not tell of executors."""
    return spark.sparkContext._jsc.sc()  # noqa: SLF001  # there is no public way
