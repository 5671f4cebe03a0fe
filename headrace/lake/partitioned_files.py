"""Data files of one writer, one open for each partition of a table."""

import json
from collections.abc import Sequence

import pyarrow as pa

from headrace.lake.data_files import ROW_GROUP_BYTES, TARGET_BYTES, Added, DataFileWriter
from headrace.lake.partitions import Partition, by_partition

_MOST_OPEN = 64


class PartitionedFiles:
    """Rows in files that no commit names yet: each of one partition, and of about `target` bytes at most.

    Holds a row group of each open file in memory; the file that was opened first is finished
    where more partitions come than are held open.

    Raises:
        DataFailure: a partition's value cannot be one.
    """

    def __init__(
        self,
        root: str,
        schema: pa.Schema,
        partition_by: Sequence[str] = (),
        cluster_by: Sequence[str] = (),
        target: int = TARGET_BYTES,
    ) -> None:
        self._root = root
        self._schema = schema
        self._partition_by = tuple(partition_by)
        self._cluster_by = tuple(cluster_by)
        self._target = target
        self._open: dict[str, DataFileWriter] = {}

    def write(self, rows: pa.RecordBatch) -> list[Added]:
        """Add rows; gives the files that are finished by that."""
        finished = []
        for partition, part in by_partition(rows.select(self._schema.names), self._partition_by):
            key = json.dumps(partition)
            if key not in self._open:
                if len(self._open) >= _MOST_OPEN:
                    finished.append(self._finish(next(iter(self._open))))
                self._open[key] = self._writer(partition)
            self._open[key].write(part)
            if self._open[key].size >= self._target:
                finished.append(self._finish(key))
        return finished

    def close(self) -> list[Added]:
        """Finish the files that are open."""
        return [self._finish(key) for key in list(self._open)]

    def abandon(self) -> None:
        """Close without add actions; what was written stays an orphan for upkeep to remove."""
        for writer in self._open.values():
            writer.abandon()
        self._open = {}

    def _writer(self, partition: Partition) -> DataFileWriter:
        return DataFileWriter(
            self._root,
            self._schema,
            partition=partition,
            row_group_bytes=ROW_GROUP_BYTES // (8 if self._partition_by else 1),
            cluster_by=self._cluster_by,
        )

    def _finish(self, key: str) -> Added:
        added = self._open.pop(key).close()
        assert added is not None  # a file is opened for the rows of a batch
        return added
