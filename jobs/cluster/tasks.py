"""Give every task its part of the work, which it reads and writes by itself; no row passes through the JVM."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.cluster.failed import told

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

type Mapped = Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def per_part[T](
    spark: SparkSession, parts: Sequence[T], work: Callable[[T], Iterator[pa.RecordBatch]], schema: pa.Schema
) -> pa.Table:
    """What the tasks gave, one task per part; in no order."""

    def task(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield from work(parts[number])

    if not parts:
        return schema.empty_table()
    tasks = spark.range(0, len(parts), 1, len(parts)).toDF("part")
    return collected(mapped(tasks, task, schema), schema)


def mapped(rows: DataFrame, work: Mapped, schema: pa.Schema) -> DataFrame:
    """`mapInArrow` with an Arrow schema; Arrow inside a task keeps to the cores Spark granted it.

    Columns go in and out by their places, since Spark would take `a.b` for a field of `a`.
    """
    read, written = rows.columns, [pa.field(str(n), field.type) for n, field in enumerate(schema)]

    def task(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext  # noqa: PLC0415  # in the worker

        context = TaskContext.get()
        pa.set_cpu_count(context.cpus() if context else 1)
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
    return max(int(spark.sparkContext.defaultParallelism), 1)
