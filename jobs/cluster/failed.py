"""What a failed Spark job means, out of the many lines it says."""

import contextlib
import re
from collections.abc import Iterator

from headrace.failures import Failure, failure_told

_ERROR = re.compile(r"(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*): ?(.*)")


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Failures of ours that a task raised come out as themselves, anything else as a `Failure` with its cause."""
    try:
        yield
    except spark_errors() as error:
        raise failure_of(error) from error


def spark_errors() -> tuple[type[Exception], ...]:
    """What Spark raises when a job fails."""
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # noqa: PLC0415  # loaded when there is work
    from pyspark.errors import PySparkException  # noqa: PLC0415

    return (PySparkException, Py4JError)


def failure_of(error: Exception) -> Failure:
    """The failure behind an error of Spark."""
    text = str(error)
    if ours := failure_told(text):
        return ours
    cause = worker_error(text)
    if cause is None:
        return Failure(f"a Spark job failed: {job_error(text)}")
    return Failure(f"a Spark task failed: {cause[0]}: {cause[1]}")


def worker_error(trace: str) -> tuple[str, str] | None:
    r"""Kind and message of the exception at the end of the Python trace inside Spark's text; None without one.

    >>> worker_error("… Traceback (most recent call last):\n  File x\npyarrow.lib.ArrowInvalid: bad\n\tat org.")
    ('ArrowInvalid', 'bad')
    """
    begin = trace.rfind("Traceback (most recent call last)")
    if begin < 0:
        return None
    for line in trace[begin:].splitlines()[1:]:
        if match := _ERROR.match(line):
            return match[1], match[2]
    return None


def job_error(text: str) -> str:
    r"""What Spark says itself, on one line: without the call it came from and without traces of the JVM.

    >>> job_error("An error occurred while calling z:x.y.\n: org.a.SparkException: Job aborted due to stage failure: "
    ...     "Total size of results is bigger than spark.driver.maxResultSize\n\tat org.a.B\n")
    'Total size of results is bigger than spark.driver.maxResultSize'
    """
    said = " ".join(line for line in text.splitlines() if not line.startswith("\t"))
    said = said.rpartition("Job aborted due to stage failure: ")[2] or said
    return " ".join(said.split())[:500]
