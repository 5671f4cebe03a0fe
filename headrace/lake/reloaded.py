"""The rows that earlier loads of a file have left in a table."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.lake.reading import read_columns
from headrace.lake.repeats import Places, Repeats
from headrace.lake.snapshot import DataFile, Snapshot, row_groups
from headrace.rows.block import Origin

ORIGIN = ("_file", "_plan")


def reloaded_rows(snapshot: Snapshot, names: Sequence[str], plan: int) -> Iterator[Repeats]:
    """Where the rows of these files stand that came with plans before this one, row group by row group.

    Also those that a replay brought: they have the plan they came with.
    """
    for group in row_groups(file for file in snapshot.files if _may_hold(file, names)):
        places = np.flatnonzero(of_older_load(read_columns(group, ORIGIN), names, plan))
        if len(places):
            yield Repeats(Origin(group.path, group.number, group.number + 1), places, old=True)


def of_older_load(rows: pa.RecordBatch, names: Collection[str], plan: int) -> Places:
    """Which rows are of these files, and of an earlier plan. Shape: one truth value for each row."""
    ours = pc.is_in(rows.column("_file"), value_set=pa.array(sorted(names), pa.string()))
    older = pc.fill_null(pc.less(rows.column("_plan"), plan), False)
    found: Places = pc.and_(ours, older).to_numpy(zero_copy_only=False)
    return found


def _may_hold(file: DataFile, names: Sequence[str]) -> bool:
    low, high = file.low.get("_file"), file.high.get("_file")
    return low is None or high is None or any(low <= name <= high for name in names)
