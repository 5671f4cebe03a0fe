"""The rows that came before a plan, in which its keys are looked for."""

from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.lake.reloaded import ORIGIN, of_older_load
from headrace.lake.repeats import Places
from headrace.lake.snapshot import DataFile, open_snapshot
from headrace.spec.data_set import DataSet

_ROW_BYTES = 50  # of a raw row, about; it decides only how much is held in memory at once


class Before(NamedTuple):
    """What an events table holds at a version."""

    version: int
    files: tuple[DataFile, ...]  # those that can hold a row at or after `since`
    since: datetime | None  # older rows are not looked through; None: all are
    rows: int  # of these files and of the plan, about
    reloads: tuple[str, ...] = ()  # files whose rows leave the table, as they are loaded again
    plan: int = 0  # with this one
    left_out: bool = False  # whether rows may have been left out as they repeat one of these files

    @property
    def columns(self) -> tuple[str, ...]:
        """What is read of its rows beside key and time."""
        return ORIGIN if self.reloads else ()


def rows_before(
    data: DataSet,
    events: str,
    raw_bytes: int,
    reloads: tuple[str, ...] = (),
    plan: int = 0,
    *,
    whole: bool = False,
) -> Before | None:
    """What stands in the events table when a plan is begun; None where the data set has no key.

    With `dedupe.within`, rows from so long before the newest one. Which rows these are
    depends on the rows alone, not on the files they stand in. `whole`: all of them nevertheless,
    for rows that came long ago.
    """
    if not data.key:
        return None
    snapshot = open_snapshot(events)
    since = None if whole else _since(snapshot.files, data)
    files = snapshot.files if since is None else tuple(f for f in snapshot.files if _reaches(f, data.time, since))
    rows = sum(file.rows for file in files) + raw_bytes // _ROW_BYTES
    return Before(snapshot.version, files, since, rows, reloads, plan)


def places_looked_at(rows: pa.RecordBatch, time: str | None, before: Before) -> Places:
    """The places of those rows of the table that are looked through: young enough, and there to stay."""
    looked = np.ones(rows.num_rows, np.bool_)
    if before.since is not None and time is not None:
        column = rows.column(time)
        young = pc.fill_null(pc.greater_equal(column, pa.scalar(before.since, column.type)), True)
        looked &= young.to_numpy(zero_copy_only=False)
    if before.reloads:
        looked &= ~of_older_load(rows, before.reloads, before.plan)
    return np.flatnonzero(looked)


def _since(files: tuple[DataFile, ...], data: DataSet) -> datetime | None:
    newest = max((file.high[data.time] for file in files if data.time in file.high), default=None)
    if data.dedupe.within is None or newest is None:
        return None
    first: datetime = newest - min(data.dedupe.within, newest - datetime.min.replace(tzinfo=UTC))
    return first


def _reaches(file: DataFile, time: str | None, since: datetime) -> bool:
    return time not in file.high or bool(file.high[time] >= since)
