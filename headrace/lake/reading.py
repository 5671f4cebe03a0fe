"""Rows of data files, as a table's present schema has them."""

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.failures import DataFailure


def read_file(path: str, schema: pa.Schema) -> pa.Table:
    """The columns of `schema`; one that is newer than the file is null there."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        return fitted(file.read(columns=_there(file, schema), use_threads=False), schema)


def read_group(path: str, number: int, schema: pa.Schema) -> pa.RecordBatch:
    """One row group, with the columns of `schema`; one that is newer than the file is null there.

    Raises:
        DataFailure: it holds more text than one batch can.
    """
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        group = file.read_row_group(number, columns=_there(file, schema), use_threads=False)
        rows = file.metadata.row_group(number).num_rows
    return one_batch(fitted(group, schema, rows), path)


def fitted(table: pa.Table, schema: pa.Schema, rows: int | None = None) -> pa.Table:
    """The table with exactly these columns, in this order."""
    count = table.num_rows if rows is None else rows
    columns = [
        table.column(f.name).cast(f.type) if f.name in table.schema.names else pa.nulls(count, f.type) for f in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def one_batch(table: pa.Table, of: str) -> pa.RecordBatch:
    """A table as a single batch, also where it has no rows.

    Raises:
        DataFailure: it holds more than the 2 GB of text per column that one batch can.
    """
    batches = table.combine_chunks().to_batches()
    if len(batches) > 1:
        raise DataFailure(
            f"{of}: {table.num_rows:,} rows hold more than 2 GB of text in one column, which is more than one batch "
            "can; leave that column out, or narrow the data set"
        )
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def _there(file: pq.ParquetFile, schema: pa.Schema) -> list[str]:
    present = set(file.schema_arrow.names)
    return [name for name in schema.names if name in present]
