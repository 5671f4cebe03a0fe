"""Which rows a build of a model's features takes, and the one commit that makes them real.

Every row of the model's data set gets its features once: a row in a file seen before
is taken when the low-water passes its `predict_at`; a row in a new file is taken at
once if it is due, also where its time was built before (it came late and is counted
as catch-up).
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from headrace.failures import DataFailure
from headrace.lake.accounts import prove_tiling
from headrace.lake.commit import Committed, Token, commit_once
from headrace.lake.settle import Written, prove_written
from headrace.lake.snapshot import DataFile
from headrace.rows.block import Origin

PREDICT_AT = pa.field("predict_at", pa.timestamp("us", tz="UTC"))
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def microseconds(moment: dt.datetime) -> int:
    """A UTC time as µs since the epoch, exactly.

    >>> microseconds(dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.UTC))
    1000000
    """
    return (moment - _EPOCH) // dt.timedelta(microseconds=1)


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


@dataclass(frozen=True)
class Build:
    """One build: its window, its files, and the tokens that make its commit happen once."""

    app: str  # <model>/features/<table id>
    window: Window
    files: tuple[DataFile, ...]  # new ones, and older ones in which rows were waiting
    tokens: tuple[Token, ...]
    info: Mapping[str, Any]  # versions of all inputs, digest of the spec
    replace: bool  # the features are of another spec than the table's: all of them are made again


def commit_build(build: Build, root: str, counts: Sequence[DueCounts], written: Sequence[Written]) -> Committed:
    """Prove that every row group arrived and every due row was written, then commit.

    Run twice it commits once.

    Raises:
        DataFailure: a block is missing or there twice, or rows were lost on the way.
    """
    prove_tiling([Origin(f.path, 0, f.rows) for f in build.files], [c.origin for c in counts])
    if short := [c for c in counts if c.read != c.origin.end - c.origin.start]:
        raise DataFailure(
            f"{short[0].origin.file}: rows {short[0].origin.start}..{short[0].origin.end}, but {short[0].read:,} "
            "arrived; nothing was committed. Run again; if it stays, report it"
        )
    prove_written(build.app, "features", {c.origin: c.due for c in counts}, written)
    total = {name: sum(getattr(c, name) for c in counts) for name in DueCounts._fields[1:]}
    waiting = {c.origin.file for c in counts if c.waiting}
    info = {**build.info, "account": total, "waiting_in": sorted(f.name for f in build.files if f.path in waiting)}
    replace: Mapping[str, str] | None = {} if build.replace else None
    adds = [w.added for w in written]
    return commit_once(root, build.tokens, adds, info=info, replace=replace)
