"""Keep a project's tables small and fast: put small files together, remove what nobody needs, write checkpoints."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from headrace import storage
from headrace.cli.needed import needed_versions, oldest_writer
from headrace.failures import Conflict
from headrace.lake.checkpoints import write_checkpoint
from headrace.lake.compaction import Together, compact, small_files
from headrace.lake.layout import DataSetFolder, ModelFolder
from headrace.lake.orphans import Orphan, orphans, version_at
from headrace.lake.retention import APART, forget_bytes, past_retention, rows_with_bytes
from headrace.lake.snapshot import open_snapshot
from headrace.lake.tables import is_table, open_table
from headrace.spec.place import Place
from headrace.spec.project import Project


@dataclass(frozen=True)
class Table:
    """One table of a project."""

    name: str  # <data set or model>/<table>
    root: str
    order: str | None  # the column by which its rows are sorted
    compacts: bool = True
    bytes_kept: dt.timedelta | None = None  # of raw rows

    @property
    def together(self) -> Together:
        """How its files are put together."""
        return Together(self.order, self.bytes_kept / APART if self.bytes_kept else None)


@dataclass(frozen=True)
class Kept:
    """What was done for a table, or would be."""

    table: str
    files: int  # small files that were put together
    into: int  # the files they became; 0 where nothing was written
    emptied: int  # rows whose raw bytes are older than table.retention
    removed: int  # files no version needs
    bytes: int  # of the removed files


def upkeep(
    project: Project, place: Place, only: str | None, retention: dt.timedelta, *, dry_run: bool
) -> Iterator[Kept]:
    """Every table of a project, or of one data set or model of it, one after another; safe beside running steps.

    Files are removed where they are older than `retention`, no version of that time or later,
    and no incremental reader, needs them, and no run can have written them that may still
    commit them, however long it takes.

    Raises:
        Conflict: another upkeep is at work; or, after everything else was done, running steps have
            changed files while those were rewritten: they are as the steps left them. Run again.
    """
    beaten: list[Conflict] = []
    with storage.locked(storage.join(place.roots.lake, project.name, "_upkeep")):
        for table in tables(project, place, only):
            together, emptied = (0, 0), 0
            with _left_for_later(beaten):
                together = _put_together(table, dry_run=dry_run)
            with _left_for_later(beaten):
                emptied = _empty(table, dry_run=dry_run)
            gone = _unneeded(project, place, table, retention)
            if not dry_run:
                for orphan in gone:
                    storage.remove(orphan.path)
                write_checkpoint(open_table(table.root))
            yield Kept(table.name, *together, emptied, len(gone), sum(orphan.size for orphan in gone))
    if beaten:
        raise Conflict("; ".join(map(str, beaten)))


@contextmanager
def _left_for_later(beaten: list[Conflict]) -> Iterator[None]:
    """A conflict within the block is noted and ends the block only: a busy table keeps no other from its upkeep."""
    try:
        yield
    except Conflict as conflict:
        beaten.append(conflict)


def tables(project: Project, place: Place, only: str | None = None) -> Iterator[Table]:
    """The tables that stand, data sets first; with `only`, those of one data set or model."""
    lake = place.roots.lake
    for name, data in sorted(project.data_sets.items()):
        if only not in (None, name):
            continue
        folder = DataSetFolder(lake, project.name, name)
        found = [
            Table(f"{name}/events", folder.events, data.value.clustered_by),
            Table(
                f"{name}/quarantine",
                folder.quarantine,
                None,
                bytes_kept=data.value.table.retention.quarantine,
            ),
            Table(f"{name}/accounts", folder.accounts, "plan"),
            Table(f"{name}/settlements", folder.settlements, "replay"),
        ]
        yield from (table for table in found if is_table(table.root))
    for name in sorted(project.models):
        if only not in (None, name):
            continue
        model = ModelFolder(lake, project.name, name)
        found = [
            Table(f"{name}/features", model.features, "predict_at"),
            # Put together, they would lose the order on which a model's bytes depend.
            Table(f"{name}/examples", model.examples, None, compacts=False),
            Table(f"{name}/scores", model.scores, "predict_at"),
        ]
        yield from (table for table in found if is_table(table.root))


def _put_together(table: Table, *, dry_run: bool) -> tuple[int, int]:
    """How many small files were put together, or would be, and how many they became."""
    if not table.compacts:
        return 0, 0
    if dry_run:
        return sum(map(len, small_files(open_snapshot(table.root), table.together))), 0
    done = compact(table.root, table.together)
    return done.before, done.after


def _empty(table: Table, *, dry_run: bool) -> int:
    """How many rows of quarantine lose their raw bytes, which are older than they are kept."""
    if table.bytes_kept is None:
        return 0
    now = dt.datetime.now(dt.UTC)
    if dry_run:
        return rows_with_bytes(past_retention(open_snapshot(table.root), table.bytes_kept, now))
    return forget_bytes(table.root, table.bytes_kept, now)


def _unneeded(project: Project, place: Place, table: Table, retention: dt.timedelta) -> list[Orphan]:
    """The files that may go; asked right before they do, for a step may have begun meanwhile."""
    now = dt.datetime.now(dt.UTC)
    then = version_at(table.root, now - min(retention, now - dt.datetime.min.replace(tzinfo=dt.UTC)))
    needed = min(then, needed_versions(project, place).get(table.root, then))
    begun = oldest_writer(project, place, table.name.partition("/")[0])
    return orphans(table.root, needed, retention, begun)
