"""Keep a project's tables small and fast: put small files together, remove what nobody needs, write checkpoints."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headrace import storage
from headrace.fault_points import reached
from headrace.lake.commit import stored_token
from headrace.lake.compaction import Together, compact, small_files
from headrace.lake.layout import DataSetFolder, ModelFolder
from headrace.lake.lock import locked
from headrace.lake.orphans import orphans, version_at
from headrace.lake.replays import open_replay
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


def upkeep(project: Project, place: Place, retention: dt.timedelta, *, dry_run: bool) -> Iterator[Kept]:
    """Every table of a project, one after another; safe beside running steps.

    Files are removed where they are older than `retention`, and no version of that time or
    later, and no incremental reader, needs them.

    Raises:
        Conflict: another upkeep is at work, or a table was replaced meanwhile; run again.
    """
    with locked(storage.join(place.roots.lake, project.name, "_upkeep")):
        seen = _seen(project, place)
        for table in tables(project, place):
            yield _keep(table, seen.get(table.root, []), retention, dry_run=dry_run)


def tables(project: Project, place: Place) -> Iterator[Table]:
    """The tables that stand, data sets first."""
    lake = place.roots.lake
    for name, data in sorted(project.data_sets.items()):
        folder = DataSetFolder(lake, project.name, name)
        found = [
            Table(f"{name}/events", folder.events, data.value.clustered_by),
            Table(f"{name}/quarantine", folder.quarantine, None, bytes_kept=data.value.table.retention.quarantine),
            Table(f"{name}/accounts", folder.accounts, "plan"),
            Table(f"{name}/settlements", folder.settlements, "replay"),
        ]
        yield from (table for table in found if is_table(table.root))
    for name in sorted(project.models):
        model = ModelFolder(lake, project.name, name)
        found = [
            Table(f"{name}/features", model.features, "predict_at"),
            # Put together, they would lose the order on which a model's bytes depend.
            Table(f"{name}/examples", model.examples, None, compacts=False),
            Table(f"{name}/scores", model.scores, "predict_at"),
        ]
        yield from (table for table in found if is_table(table.root))


def _seen(project: Project, place: Place) -> dict[str, list[int]]:
    """By root, the versions from which somebody goes on: builds of features, scoring, and open replays."""
    lake = place.roots.lake
    seen: dict[str, list[int]] = {}

    def note(root: str, version: int | None) -> None:
        if version is not None:
            seen.setdefault(root, []).append(version)

    for name in project.data_sets:
        folder = DataSetFolder(lake, project.name, name)
        if replay := open_replay(folder):
            note(folder.quarantine, replay.quarantine.version)
            note(folder.settlements, replay.settlements.version)
    for name, located in project.models.items():
        model = ModelFolder(lake, project.name, name)
        if is_table(model.features):
            app = f"{name}/features/{open_table(model.features).metadata().id}"
            rows = DataSetFolder(lake, project.name, located.value.rows).events
            note(rows, stored_token(model.features, f"{app}/rows"))
        if is_table(model.scores):  # of every bundle: an older one may become the live one again
            for bundle in {file.partition["bundle"] for file in open_snapshot(model.scores).files}:
                note(model.features, stored_token(model.scores, f"score/{bundle}"))
    return seen


def _keep(table: Table, seen: Sequence[int], retention: dt.timedelta, *, dry_run: bool) -> Kept:
    now = dt.datetime.now(dt.UTC)
    emptied = _empty(table, now, dry_run=dry_run)
    runs = small_files(open_snapshot(table.root), table.together) if table.compacts else []
    files, into = sum(map(len, runs)), 0
    if runs and not dry_run:
        done = compact(table.root, table.together)
        files, into = done.before, done.after
    then = now - min(retention, now - dt.datetime.min.replace(tzinfo=dt.UTC))
    gone = orphans(table.root, min([version_at(table.root, then), *seen]), retention)
    if not dry_run:
        for orphan in gone:
            storage.remove(orphan.path)
        reached("checkpoint")
        open_table(table.root).create_checkpoint()
    return Kept(table.name, files, into, emptied, len(gone), sum(orphan.size for orphan in gone))


def _empty(table: Table, now: dt.datetime, *, dry_run: bool) -> int:
    """How many rows of quarantine lose their raw bytes, which are older than they are kept."""
    if table.bytes_kept is None:
        return 0
    if dry_run:
        return rows_with_bytes(past_retention(open_snapshot(table.root), table.bytes_kept, now))
    return forget_bytes(table.root, table.bytes_kept, now)
