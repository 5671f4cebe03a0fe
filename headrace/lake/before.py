"""The rows that came before a plan, in which its keys are looked for."""

from typing import NamedTuple

from headrace.lake.repeats import reaching_back
from headrace.lake.snapshot import DataFile, open_snapshot
from headrace.spec.data_set import DataSet

_ROW_BYTES = 50  # of a raw row, about; it decides only how much is held in memory at once


class Before(NamedTuple):
    """What an events table holds at a version."""

    version: int
    files: tuple[DataFile, ...]
    rows: int  # of these files and of the plan, about


def rows_before(data: DataSet, events: str, raw_bytes: int) -> Before | None:
    """What stands in the events table when a plan is begun; None where the data set has no key."""
    if not data.key:
        return None
    snapshot = open_snapshot(events)
    files = reaching_back(snapshot.files, data.time, data.dedupe.within)
    return Before(snapshot.version, files, sum(file.rows for file in files) + raw_bytes // _ROW_BYTES)
