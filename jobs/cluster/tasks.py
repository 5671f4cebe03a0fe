"""Give every task its part of the work, which it reads and writes by itself; no row passes through the JVM."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.cluster.executors import concurrent_tasks
from jobs.cluster.failed import told

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

_FAN_IN = 4  # results that one task merges

type Mapped = Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def per_part[T](
    spark: SparkSession, parts: Sequence[T], work: Callable[[T], Iterator[pa.RecordBatch]], schema: pa.Schema
) -> pa.Table:
    """What the tasks gave, one task per part, each with its own part alone; in the order of the parts.

    A task's result goes through the driver's JVM: rows are read and written by the task
    itself, what it gives is an account of them.

    Raises:
        Failure: a task failed; one of our own comes out as itself.
    """

    def task(own: Iterable[T]) -> Iterator[bytes]:
        _keep_to_granted_cores()
        account = pa.BufferOutputStream()
        with pa.ipc.new_stream(account, schema) as stream:
            for part in own:
                for batch in work(part):
                    stream.write_batch(batch.cast(schema))
        yield account.getvalue().to_pybytes()

    if not parts:
        return schema.empty_table()
    # An RDD, not a DataFrame: planning a query and loading pandas in every worker took longer than most work.
    tasks = spark.sparkContext.parallelize(parts, len(parts)).mapPartitions(task)
    with told():
        results = tasks.collect()
    return pa.concat_tables([schema.empty_table(), *map(_read_stream, results)])


def merged_parts[T, R](
    spark: SparkSession, parts: Sequence[T], work: Callable[[T], R], merge: Callable[[R, R], R]
) -> R | None:
    """The results of all parts, one task each, merged into one; None without parts.

    For results that are large: other tasks merge them by fours, so the driver holds a handful
    of them, however many tasks there were. `merge` must not mind the order.

    Raises:
        Failure: a task failed; one of our own comes out as itself.
    """

    def task(own: Iterable[T]) -> Iterator[R]:
        _keep_to_granted_cores()
        return map(work, own)

    if not parts:
        return None
    tasks = spark.sparkContext.parallelize(parts, len(parts)).mapPartitions(task)
    with told():
        return tasks.treeReduce(merge, depth=max(math.ceil(math.log(len(parts), _FAN_IN)), 1))


def _read_stream(result: bytes) -> pa.Table:
    with pa.ipc.open_stream(result) as stream:
        return stream.read_all()


def _keep_to_granted_cores() -> None:
    """Arrow, and who asks it, uses as many threads as Spark granted this task."""
    from pyspark import TaskContext  # noqa: PLC0415  # in the worker

    context = TaskContext.get()
    pa.set_cpu_count(context.cpus() if context else 1)


def mapped(rows: DataFrame, work: Mapped, schema: pa.Schema) -> DataFrame:
    """`mapInArrow` with an Arrow schema; Arrow inside a task keeps to the cores Spark granted it.

    Columns go in and out by their places, since Spark would take `a.b` for a field of `a`.
    """
    read, written = rows.columns, [pa.field(str(n), field.type) for n, field in enumerate(schema)]

    def task(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        _keep_to_granted_cores()
        for batch in work(batch.rename_columns(read) for batch in batches):
            yield batch.cast(schema).rename_columns([field.name for field in written])

    placed = rows.toDF(*map(str, range(len(read))))
    return placed.mapInArrow(task, spark_schema(pa.schema(written))).toDF(*schema.names)


def collected(rows: DataFrame, schema: pa.Schema) -> pa.Table:
    """All rows on the driver.

    Raises:
        Failure: a task failed; one of our own comes out as itself.
    """
    with told():
        return rows.toArrow().cast(schema)


def spark_schema(schema: pa.Schema) -> StructType:
    """The same columns as Spark names them."""
    from pyspark.sql.pandas.types import from_arrow_schema  # noqa: PLC0415  # Spark is loaded when there is work

    return from_arrow_schema(schema)


def slots(spark: SparkSession) -> int:
    """How many tasks run at once."""
    return max(concurrent_tasks(spark), 1)
