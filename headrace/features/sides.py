"""The tables a model joins, as pinned snapshots and as what a worker holds of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import pyarrow as pa

from headrace import storage
from headrace.failures import DataFailure
from headrace.features.as_of import AsOfTable
from headrace.features.availability import known_times
from headrace.features.feature_set import FeatureSpec
from headrace.features.look_up import LookUpTable
from headrace.lake.layout import DataSetFolder
from headrace.lake.reading import one_batch, read_file
from headrace.lake.snapshot import Snapshot, open_snapshot
from headrace.spec.columns import data_set_columns
from headrace.spec.data_set import DataSet
from headrace.spec.model import Join, Model
from headrace.spec.project import Project

# A side table is held whole by every process of a worker.
MOST_ROWS = 20_000_000
MOST_BYTES = 4_000_000_000  # of the columns that are read, in memory
_CURE = "Narrow the data set, or put its columns into the rows upstream"


class Side(NamedTuple):
    """One join of a model: its declaration, its data set, and the version of the table it reads."""

    name: str
    join: Join
    data: DataSet
    snapshot: Snapshot
    take: tuple[str, ...]  # the columns that features read


def open_sides(model: Model, project: Project, spec: FeatureSpec, lake: str) -> dict[str, Side]:
    """The model's joins by name, each pinned to its table's newest version.

    Raises:
        DataFailure: a table is not there yet, or has too many rows to be held by a worker.
    """
    sides = {}
    for name, join in model.joins.items():
        data = project.data_sets[join.from_].value
        snapshot = open_snapshot(DataSetFolder(lake, project.name, data.dataset).events)
        if snapshot.rows > MOST_ROWS:
            raise DataFailure(
                f"join {name}: {snapshot.root} has {snapshot.rows:,} rows; a side table is held in memory by every "
                f"process of a worker, up to {MOST_ROWS:,} rows. {_CURE}"
            )
        files = tuple(file._replace(path=storage.absolute(file.path)) for file in snapshot.files)  # read by workers
        sides[name] = Side(name, join, data, replace(snapshot, files=files), spec.joined(name))
    return sides


def as_of_table(side: Side) -> AsOfTable:
    """The side read whole, as a table to be joined by time. Reads only the columns it needs.

    Raises:
        DataFailure: they are too large to be held by a worker.
    """
    assert side.join.as_of is not None  # an as-of join, by the caller's choice
    known_by = known_times(side.data, (*side.join.on, side.join.as_of, *side.take))
    rows = _read(side, {*side.join.on, side.join.as_of, *side.take, *known_by.columns})
    return AsOfTable.build(rows, side.join.on, side.join.as_of, known_by(rows), side.take)


def look_up_table(side: Side) -> LookUpTable:
    """The side read whole, as a table to be joined by key alone.

    Raises:
        DataFailure: a key stands there more than once, or it is too large to be held by a worker.
    """
    try:
        return LookUpTable.build(_read(side, {*side.join.on, *side.take}), side.join.on, side.take)
    except DataFailure as repeated:
        raise DataFailure(f"join {side.name}, data set {side.data.dataset}: {repeated}") from repeated


def _read(side: Side, wanted: set[str]) -> pa.RecordBatch:
    columns: Mapping[str, pa.DataType] = {
        name: kind.arrow for name, kind in data_set_columns(side.data).items() if name in wanted
    }
    schema = pa.schema(list(columns.items()))
    tables, size = [schema.empty_table()], 0
    for file in side.snapshot.files:
        tables.append(read_file(file.path, schema))
        size += tables[-1].nbytes
        if size > MOST_BYTES:
            raise DataFailure(
                f"join {side.name}: {side.snapshot.root} has more than {MOST_BYTES / 1e9:,.3g} GB in "
                f"{', '.join(columns)}; a side table is held in memory by every process of a worker. {_CURE}"
            )
    return one_batch(pa.concat_tables(tables), side.snapshot.root)
