"""One version of one table: its files and their row groups."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from headrace import storage
from headrace.failures import DataFailure
from headrace.lake.damage import readable
from headrace.lake.layout import MADE_BY
from headrace.lake.partitions import as_logged
from headrace.lake.tables import is_table, open_table, plain_schema


class DataFile(NamedTuple):
    """A data file of a snapshot; `low` and `high` hold the bounds its statistics give."""

    path: str
    name: str  # under the root, as it stands there; the log escapes it
    rows: int
    size: int  # bytes
    partition: dict[str, str | None]
    low: dict[str, Any]
    high: dict[str, Any]
    modified: datetime = datetime.max.replace(tzinfo=UTC)  # when its newest row was written
    nulls: dict[str, int] = {}  # noqa: RUF012  # how many of a column, where its statistics tell; never changed


class RowGroup(NamedTuple):
    """The unit a worker reads."""

    path: str
    number: int  # within the file
    rows: int


@dataclass(frozen=True)
class Snapshot:
    """What a table held at one version; the raw files are the truth, else it is refused."""

    root: str
    table_id: str
    version: int
    schema: pa.Schema
    files: tuple[DataFile, ...]

    def pinned(self) -> dict[str, Any]:
        """What names this version of this table, for a commit's metadata and a model's card."""
        return {"table": self.root, "id": self.table_id, "version": self.version}

    @property
    def rows(self) -> int:
        """Number of rows, from the log."""
        return sum(f.rows for f in self.files)


def open_snapshot(root: str, version: int | None = None) -> Snapshot:
    """The table as of a version, the newest if none is named.

    Raises:
        DataFailure: there is no table, or its raw files are not what a reader should
            see (deletion vectors, column mapping).
    """
    if not is_table(root):
        step = MADE_BY.get(root.rpartition("/")[2], "run")
        raise DataFailure(f"{root}: no table stands here yet; make it first: headrace {step} <project>")
    table = open_table(root, version)
    _files_are_the_truth(root, table)
    return Snapshot(root, str(table.metadata().id), table.version(), plain_schema(table), _files(root, table))


def _files(root: str, table: DeltaTable) -> tuple[DataFile, ...]:
    adds = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    return tuple(
        DataFile(
            path=storage.join(root, unquote(add["path"])),
            name=unquote(add["path"]),
            rows=add["num_records"],
            size=add["size_bytes"],
            partition={
                k.removeprefix("partition."): None if v is None else as_logged(v)
                for k, v in add.items()
                if k.startswith("partition.")
            },
            low=_under("min.", add),
            high=_under("max.", add),
            modified=datetime.fromtimestamp(add["modification_time"] / 1000, UTC),
            nulls=_under("null_count.", add),
        )
        for add in sorted(adds, key=lambda a: str(a["path"]))
    )


def _under(prefix: str, add: dict[str, Any]) -> dict[str, Any]:
    return {k.removeprefix(prefix): v for k, v in add.items() if k.startswith(prefix) and v is not None}


def _files_are_the_truth(root: str, table: DeltaTable) -> None:
    features = set(table.protocol().reader_features or ())
    mapping = table.metadata().configuration.get("delta.columnMapping.mode", "none")
    if "deletionVectors" in features or mapping != "none":
        used = "deletion vectors" if mapping == "none" else "column mapping"
        raise DataFailure(
            f"{root}: the table uses {used}, so its raw "
            "files are not what a reader should see; rewrite it into a table without that feature"
        )


def row_groups(files: Iterable[DataFile]) -> tuple[RowGroup, ...]:
    """The row groups of files, in the order of the files given; opens each footer."""
    return tuple(group for group, _ in _with_footers(files))


def row_groups_since(files: Iterable[DataFile], time: str, since: datetime) -> tuple[RowGroup, ...]:
    """Those row groups that can hold a row with `time` at or after `since`, by their statistics."""
    return tuple(group for group, footer in _with_footers(files) if _newest(footer, time, since) >= since)


def _with_footers(files: Iterable[DataFile]) -> Iterator[tuple[RowGroup, pq.RowGroupMetaData]]:
    for file in files:
        with readable(file.path), storage.arrow_file(file.path) as source:
            footer = pq.read_metadata(source)
        for number in range(footer.num_row_groups):
            group = footer.row_group(number)
            yield RowGroup(storage.absolute(file.path), number, group.num_rows), group


def _newest(group: pq.RowGroupMetaData, time: str, unknown: datetime) -> datetime:
    columns = (group.column(at) for at in range(group.num_columns))
    told = next((column.statistics for column in columns if column.path_in_schema == time), None)
    newest: datetime = told.max if told is not None and told.has_min_max else unknown
    return newest
