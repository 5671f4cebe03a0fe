"""The Spark session of a job: quiet, UTC, fast on a laptop, and what a cluster was told elsewhere kept."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.failures import PlaceFailure
from headrace.spec.place import SparkPlace
from jobs.cluster import jars
from jobs.cluster.executors import CHECK_INTERVAL, CHECK_TIMES, Tell, await_executors
from jobs.cluster.failed import spark_errors
from jobs.cluster.master import is_local, local_slots

if TYPE_CHECKING:
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

LOOPBACK = "127.0.0.1"

_MEANING = {"spark.sql.session.timeZone": "UTC"}  # a place says where things run, never what they mean
_DEFAULTS = {
    "spark.ui.showConsoleProgress": "false",  # a job tells its progress itself
    "spark.sql.execution.arrow.maxRecordsPerBatch": "65536",
}
_LOCAL = {
    "spark.driver.host": LOOPBACK,
    "spark.driver.bindAddress": LOOPBACK,
    "spark.ui.enabled": "false",
    "spark.databricks.delta.snapshotPartitions": "1",  # default: 50 tasks for every look at a table
    # Slots of one machine are there at once or never.
    CHECK_INTERVAL: "1s",
    CHECK_TIMES: "1",
    # The light compiler alone: half the CPU of a small job. For a large one, a place adds
    # `-XX:TieredStopAtLevel=4` as spark.driver.extraJavaOptions, which come after these.
    "spark.driver.defaultJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
    f" -Dlog4j2.configurationFile=file:{Path(__file__).with_name('log4j2.properties')}",
}
_CLUSTER = {
    # Delta's default of 50 tasks for every look at a table suits tables of 100,000s of files.
    "spark.databricks.delta.snapshotPartitions": "8",
    # Executors may take three minutes to come; Spark's own defaults wait for ten.
    CHECK_INTERVAL: "5s",
    CHECK_TIMES: "36",
}
_DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}


@contextmanager
def session(
    place: SparkPlace, name: str, *, delta: bool = False, workers: int | None = None, tell: Tell | None = None
) -> Iterator[SparkSession]:
    """A session for the time of the block; one that is already running is used and left running.

    Under `spark-submit` its own flags and master hold; a place adds what they leave open.
    On a cluster the block begins when executors are there.

    Args:
        place: master and configuration, which go before what is set here.
        name: shown by cluster managers.
        delta: whether Delta tables are read through Spark, which takes the two jars.
        workers: of a barrier stage, which must all run at once.
        tell: hears of a wait for executors.

    Raises:
        PlaceFailure: a jar is missing, the session does not start, has no room for all workers, or its JVM dies.
    """
    from pyspark.sql import SparkSession  # noqa: PLC0415  # Spark is loaded when there is work

    running = SparkSession.getActiveSession()
    if running is not None:
        await_executors(running, workers, tell)
        yield running
        return
    # Workers must run this interpreter, or the one a cluster has in its place.
    os.environ.setdefault("PYSPARK_PYTHON", place.conf.get("spark.pyspark.python", sys.executable))
    # The bridge to the JVM logs a trace of every broken connection, as root; what one means is told here.
    logging.getLogger().addFilter(_not_of_the_bridge)
    settings = _settings(place, delta=delta)
    try:
        spark = SparkSession.builder.config(conf=settings).appName(name).getOrCreate()
    except Exception as failure:
        raise PlaceFailure(
            f"{settings.get('spark.master')}: the Spark session does not start: {_first_line(failure)}; "
            "check master and conf under `spark` in the place file"
        ) from failure
    try:
        await_executors(spark, workers, tell)
        yield spark
    except Exception as failure:
        if _alive(spark):
            raise
        raise PlaceFailure(
            "Spark's driver JVM ended in the middle of the work: mostly it ran out of memory, or somebody killed it. "
            "Raise spark.driver.memory under `spark.conf` in the place file (default: 1g) and run again; "
            "nothing half-written is visible"
        ) from failure
    finally:
        _stop(spark)


def _not_of_the_bridge(record: logging.LogRecord) -> bool:
    return Path(record.pathname).parent.name != "py4j"


def _alive(spark: SparkSession) -> bool:
    """Whether the driver's JVM still answers."""
    with suppress(OSError, *spark_errors()):
        spark.sparkContext.defaultParallelism  # noqa: B018  # a question as good as any
        return True
    return False


def _stop(spark: SparkSession) -> None:
    """The session is over; a JVM that is gone already has stopped by itself."""
    if _alive(spark):
        spark.stop()
        return
    # What is left is the Python side, whose own words would hide the failure.
    with suppress(OSError, RuntimeWarning, *spark_errors()), warnings.catch_warnings(action="error"):
        spark.stop()


def submitted() -> bool:
    """Whether spark-submit started this process, so that its master and JVM are there already."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def submitted_conf() -> dict[str, str]:
    """What spark-submit was told; empty where it did not start this process."""
    if not submitted():
        return {}
    from pyspark import SparkConf, SparkContext  # noqa: PLC0415  # spark-submit has loaded it already

    # Connects to the JVM that is there; until then a SparkConf knows nothing of it.
    SparkContext._ensure_initialized()  # noqa: SLF001  # there is no public way before the context exists
    return dict(SparkConf().getAll())


def master_of(place: SparkPlace) -> str:
    """The master the session will have."""
    return submitted_conf().get("spark.master", place.master)


def delta_jars(place: SparkPlace) -> dict[str, str]:
    """What tells Spark where the Delta jars are; nothing where somebody has told it already.

    Raises:
        PlaceFailure: they are nowhere; says how to get or name them.
    """
    if submitted():
        conf = submitted_conf()
        named = f"{conf.get('spark.jars', '')} {conf.get('spark.jars.packages', '')}"
        if "delta-spark" in named or list(Path(os.environ.get("SPARK_HOME", ".")).glob("jars/delta-spark*.jar")):
            return {}
        packages = ":".join(jars.JARS[0][:3])
        raise PlaceFailure(
            "spark-submit was given no Delta jars, and they cannot be added to a JVM that is running; "
            f"add --packages {packages}, or --jars with the two files of `python -m jobs.cluster.jars`"
        )
    if place.conf.keys() & {"spark.jars", "spark.jars.packages"}:
        return {}
    folder = jars.folder()
    if faults := jars.missing(folder):
        raise PlaceFailure(f"{'; '.join(faults)}; {jars.CURE}")
    return {"spark.jars": ",".join(str(folder / jar.file) for jar in jars.JARS)}


def _settings(place: SparkPlace, *, delta: bool) -> SparkConf:
    from pyspark import SparkConf  # noqa: PLC0415  # Spark is loaded when there is work

    conf, master = SparkConf(loadDefaults=submitted()), master_of(place)
    wanted = {**_DEFAULTS, **_CLUSTER}
    if is_local(master):
        wanted = {**_DEFAULTS, **_LOCAL, "spark.sql.shuffle.partitions": str(local_slots(master))}
    if delta:
        wanted |= {**_DELTA, **delta_jars(place)}
    wanted |= {"spark.master": master, **place.conf}
    for key, value in wanted.items():
        conf.setIfMissing(key, value)
    for key, value in _MEANING.items():
        conf.set(key, value)
    return conf


def _first_line(failure: Exception) -> str:
    return str(failure).strip().splitlines()[0] if str(failure).strip() else type(failure).__name__
