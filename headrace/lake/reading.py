"""Rows of data files: every page checked against its checksum, columns as a table's present schema has them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from headrace import storage
from headrace.failures import DataFailure
from headrace.lake.damage import readable
from headrace.lake.snapshot import RowGroup


@contextmanager
def opened(path: str) -> Iterator[pq.ParquetFile]:
    """A data file that refuses to be read where its bytes are not those that were written.

    Raises:
        DataFailure: the file is damaged; also while it is read, inside.
        PlaceFailure: the machine does not let it be read.
    """
    with (
        readable(path),
        storage.arrow_file(path) as source,
        pq.ParquetFile(source, page_checksum_verification=True) as file,
    ):
        yield file


def read_file(path: str, schema: pa.Schema) -> pa.Table:
    """The columns of `schema`; one that is newer than the file is null there."""
    with opened(path) as file:
        return fitted(file.read(columns=_there(file, schema), use_threads=False), schema)


def read_group(group: RowGroup, schema: pa.Schema) -> pa.RecordBatch:
    """One row group, with the columns of `schema`; one that is newer than the file is null there.

    Raises:
        DataFailure: the file is damaged, or the row group holds more text than one batch can.
    """
    with opened(group.path) as file:
        rows = file.read_row_group(group.number, columns=_there(file, schema), use_threads=False)
    return one_batch(fitted(rows, schema, group.rows), group.path)


def read_columns(group: RowGroup, columns: Sequence[str]) -> pa.RecordBatch:
    """One row group, with these columns in this order, all of which the file has.

    Raises:
        DataFailure: the file is damaged, or the row group holds more text than one batch can.
    """
    with opened(group.path) as file:
        rows = file.read_row_group(group.number, columns=list(columns), use_threads=False)
    return one_batch(rows.select(columns), group.path)


def read_groups(groups: Iterable[RowGroup], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Row group by row group, one in memory at a time."""
    return (read_columns(group, columns) for group in groups)


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
