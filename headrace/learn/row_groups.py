"""Read one row group: only the columns asked for, in one thread."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.lake.snapshot import RowGroup


def read_row_group(group: RowGroup, columns: Sequence[str]) -> pa.RecordBatch:
    """The rows of a row group as one batch, columns in the order asked for."""
    with pq.ParquetFile(group.path) as file:
        rows = file.read_row_group(group.number, columns=list(columns), use_threads=False)
    return one_batch(rows.select(columns))


def read_row_groups(groups: Sequence[RowGroup], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Row group by row group, one in memory at a time."""
    for group in groups:
        yield read_row_group(group, columns)


def one_batch(table: pa.Table) -> pa.RecordBatch:
    """A table as one batch; also without rows."""
    batches = table.combine_chunks().to_batches()
    return pa.concat_batches([empty_batch(table.schema), *batches]) if len(batches) != 1 else batches[0]


def empty_batch(schema: pa.Schema) -> pa.RecordBatch:
    """No rows of a schema."""
    return pa.RecordBatch.from_pylist([], schema=schema)
