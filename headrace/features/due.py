"""Which rows a build of a model's features takes.

Every row of the model's data set gets its features once: a row in a file seen before
is taken when the low-water passes its `predict_at`; a row in a new file is taken at
once if it is due, also where its time was built before (it came late and is counted
as catch-up).
"""

from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from headrace.rows.block import Origin

PREDICT_AT = pa.field("predict_at", pa.timestamp("us", tz="UTC"))


class DueCounts(NamedTuple):
    """What became of the rows of one block: read = due + waiting + built before + never due."""

    origin: Origin
    read: int
    due: int
    catch_up: int  # of the due ones: their time was built before they arrived
    waiting: int  # predict_at beyond the low-water
    built: int  # told of by an earlier build: they have their features, or are never due
    never_due: int  # predict_at is null; told once, by the build that sees the file first


@dataclass(frozen=True)
class Window:
    """The times (after, until] that a build covers, and which files it sees for the first time."""

    after: int | None  # µs since the epoch; None: nothing was built yet
    until: int
    new_files: frozenset[str]

    def split(self, origin: Origin, predict_at: pa.Array) -> tuple[pa.BooleanArray, DueCounts]:
        """Which rows of a block are due, and the account of it."""
        at = predict_at.cast(pa.int64())
        reached = pc.fill_null(pc.less_equal(at, self.until), False)
        before = pc.fill_null(pc.less_equal(at, self.after), False) if self.after is not None else _none(len(at))
        if origin.file in self.new_files:
            due, catch_up, built, never_due = reached, _count(before), 0, at.null_count
        else:
            due, catch_up, built, never_due = pc.and_not(reached, before), 0, _count(before) + at.null_count, 0
        taken = _count(due)
        waiting = len(at) - taken - built - never_due
        return due, DueCounts(origin, len(at), taken, catch_up, waiting, built, never_due)


def _none(rows: int) -> pa.BooleanArray:
    return pa.repeat(pa.scalar(False), rows)


def _count(mask: pa.BooleanArray) -> int:
    return int(pc.sum(mask).as_py() or 0)
