"""Parquet files under a table's root, with the add action that will make each one real."""

import json
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from headrace import storage
from headrace.failures import reaching
from headrace.fault_points import reached
from headrace.lake.file_stats import FloatBounds, file_stats
from headrace.lake.partitions import folder_of
from headrace.storage import NewFile

ROW_GROUP_ROWS = 131_072
ROW_GROUP_BYTES = 64_000_000  # in memory, while a row group of long rows is being filled
TARGET_BYTES = 128_000_000
_LOOKED_AT = 8_192  # rows; counting the values of a whole row group costs ten times as much and says the same


class Added(NamedTuple):
    """One finished data file that no commit names yet."""

    name: str  # under the table's root, as it stands there; the log escapes it once more
    size: int  # bytes
    rows: int
    stats: str  # JSON, Delta's `stats`
    partition: dict[str, str | None]
    modified: int  # ms since the epoch

    def action(self) -> AddAction:
        """The add action of Delta's log."""
        return AddAction(self.name, self.size, self.partition, self.modified, True, self.stats)

    def to_json(self) -> str:
        """As one line of text, for engines that carry only plain values."""
        return json.dumps(self._asdict())

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of `to_json`."""
        return cls(**json.loads(text))


class DataFileWriter:
    """Writes one Parquet file under a fresh name; it is real only once a commit adds it.

    Run twice it writes two files, of which a commit names at most one. Pages carry
    checksums. Partition columns are left out of the file, as Delta wants it. A row group
    ends at `row_group_rows`, and earlier once it holds `row_group_bytes`, which bounds the
    memory of a writer of long rows. With `cluster_by` the rows of each row group are sorted,
    so that its bounds tell a reader more.
    """

    def __init__(
        self,
        root: str,
        schema: pa.Schema,
        *,
        partition: dict[str, str | None] | None = None,
        row_group_rows: int = ROW_GROUP_ROWS,
        row_group_bytes: int | None = None,
        cluster_by: Sequence[str] = (),
    ) -> None:
        self._order = [(name, "ascending") for name in cluster_by]
        self._partition = partition or {}
        self._schema = pa.schema([f for f in schema if f.name not in self._partition])
        self._name = f"{folder_of(self._partition)}{uuid.uuid4().hex}.parquet"
        self._path = storage.join(root, self._name)
        self._row_group_rows = row_group_rows
        self._row_group_bytes = row_group_bytes
        self._floats = FloatBounds(self._schema)
        self._footers: list[pq.FileMetaData] = []
        self._file: NewFile | None = None
        self._writer: pq.ParquetWriter | None = None
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._pending_bytes = 0
        self.rows = 0

    def write(self, rows: pa.RecordBatch) -> None:
        """Add rows; they are flushed whenever a row group is full."""
        if not rows.num_rows:
            return
        kept = rows.select(self._schema.names).cast(self._schema)
        self._floats.update(kept)
        self.rows += kept.num_rows
        self._pending.append(kept)
        self._pending_rows += kept.num_rows
        self._pending_bytes += kept.nbytes
        with reaching(self._path):
            if self._row_group_bytes is not None and self._pending_bytes >= self._row_group_bytes:
                self._flush(whole_groups=False)
            elif self._pending_rows >= self._row_group_rows:
                self._flush(whole_groups=True)

    @property
    def size(self) -> int:
        """Bytes written so far, without the rows of the row group being filled."""
        return int(self._file.sink.tell()) if self._file else 0

    def close(self) -> Added | None:
        """Finish the file; None, and no file, where no row was written. One that cannot be finished is given up."""
        if not self.rows:
            return None
        with reaching(self._path), self:
            self._flush(whole_groups=False)
            assert self._writer is not None  # rows were written
            assert self._file is not None
            self._writer.close()
            size = self.size
            self._file.finish()
        reached("file")
        return Added(
            name=self._name,
            size=size,
            rows=self.rows,
            stats=file_stats(self._schema, self._footers[0], self._floats),
            partition=self._partition,
            modified=time.time_ns() // 1_000_000,
        )

    def _flush(self, *, whole_groups: bool) -> None:
        table = pa.Table.from_batches(self._pending, self._schema)
        full = table.num_rows - table.num_rows % self._row_group_rows if whole_groups else table.num_rows
        if self._writer is None:
            self._writer = self._open(table)
        for start in range(0, full, self._row_group_rows):
            rows = table.slice(start, min(self._row_group_rows, full - start))
            self._writer.write_table(
                rows.sort_by(self._order) if self._order else rows, row_group_size=self._row_group_rows
            )
        rest = table.slice(full)
        self._pending = rest.to_batches()
        self._pending_rows, self._pending_bytes = rest.num_rows, rest.nbytes

    def _open(self, first: pa.Table) -> pq.ParquetWriter:
        exact = [f.name for f in self._schema if not pa.types.is_floating(f.type)]
        self._file = storage.create(self._path)
        return pq.ParquetWriter(
            self._file.sink,
            self._schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=_repeating(first),
            write_statistics=exact,  # NaN would make Parquet's float bounds lie
            write_page_checksum=True,
            metadata_collector=self._footers,
        )

    def abandon(self) -> None:
        """Give the file up, without an add action; what stays of it is an orphan for upkeep to remove."""
        if self._writer is not None and self._file is not None:
            # It is given up because of another failure, which is the one to tell; of a file whose end
            # could not be written Arrow says RuntimeError, as it has no footer.
            with suppress(OSError, RuntimeError):
                self._writer.close()
            self._file.abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.abandon()


def _repeating(rows: pa.Table) -> list[str]:
    """The columns that a dictionary makes smaller; building one for a column of keys costs a third of the write."""
    rows = rows.slice(0, _LOOKED_AT)
    flat = [name for name in rows.schema.names if not pa.types.is_nested(rows.schema.field(name).type)]
    return [name for name in flat if 2 * pc.count_distinct(rows.column(name)).as_py() <= rows.num_rows]


def write_small(root: str, rows: pa.RecordBatch) -> list[Added]:
    """One small batch as at most one data file."""
    writer = DataFileWriter(root, rows.schema)
    writer.write(rows)
    added: Any = writer.close()
    return [added] if added else []
