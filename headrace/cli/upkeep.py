"""Keep a project's tables small and fast: put small files together, remove what nobody needs, write checkpoints."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from headrace.fault_points import reached
from headrace.lake import storage
from headrace.lake.commit import stored_token
from headrace.lake.compaction import compact, small_files
from headrace.lake.layout import DataSetFolder, ModelFolder
from headrace.lake.lock import locked
from headrace.lake.orphans import orphans, version_at
from headrace.lake.replays import open_replay
from headrace.lake.snapshot import open_snapshot
from headrace.lake.tables import is_table, open_table
from headrace.spec.place import Place
from headrace.spec.project import Project


@dataclass(frozen=True)
class Table:
    """One table to be kept: what it is called, the column its rows come in, and who reads it step by step."""

    name: str  # <data set or model>/<table>
    root: str
    order: str | None
    seen: tuple[int, ...]  # versions from which incremental readers go on
    compacts: bool = True


@dataclass(frozen=True)
class Kept:
    """What was done for a table, or would be."""

    table: str
    files: int  # small files that were put together
    into: int  # the files they became; 0 where nothing was written
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
        for table in tables(project, place):
            yield _keep(table, retention, dry_run=dry_run)


def tables(project: Project, place: Place) -> Iterator[Table]:
    """The tables that stand, data sets first."""
    lake = place.roots.lake
    readers = [ModelFolder(lake, project.name, name) for name in sorted(project.models)]
    for name, data in sorted(project.data_sets.items()):
        folder = DataSetFolder(lake, project.name, name)
        seen = tuple(_rows_seen(reader) for reader in readers if project.models[reader.model].value.rows == name)
        replay = open_replay(folder)
        found = [
            Table(f"{name}/events", folder.events, data.value.time, tuple(v for v in seen if v is not None)),
            Table(f"{name}/quarantine", folder.quarantine, None, (replay.quarantine.version,) if replay else ()),
            Table(f"{name}/accounts", folder.accounts, "plan", ()),
            Table(f"{name}/settlements", folder.settlements, "replay", (replay.settlements.version,) if replay else ()),
        ]
        yield from (table for table in found if is_table(table.root))
    for model in readers:
        bundle = (storage.read(storage.join(place.roots.models, model.model, "current")) or b"").decode().strip()
        scored = stored_token(model.scores, f"score/{bundle}")
        found = [
            Table(f"{model.model}/features", model.features, "predict_at", () if scored is None else (scored,)),
            # Put together, they would lose the order on which a model's bytes depend.
            Table(f"{model.model}/examples", model.examples, None, (), compacts=False),
            Table(f"{model.model}/scores", model.scores, "predict_at", ()),
        ]
        yield from (table for table in found if is_table(table.root))


def _rows_seen(model: ModelFolder) -> int | None:
    if not is_table(model.features):
        return None
    app = f"{model.model}/features/{open_table(model.features).metadata().id}"
    return stored_token(model.features, f"{app}/rows")


def _keep(table: Table, retention: dt.timedelta, *, dry_run: bool) -> Kept:
    runs = small_files(open_snapshot(table.root), table.order) if table.compacts else []
    files, into = sum(map(len, runs)), 0
    if runs and not dry_run:
        done = compact(table.root, table.order)
        files, into = done.before, done.after
    then = dt.datetime.now(dt.UTC) - retention
    gone = orphans(table.root, min([version_at(table.root, then), *table.seen]), retention)
    if not dry_run:
        for orphan in gone:
            storage.remove(orphan.path)
        reached("checkpoint")
        open_table(table.root).create_checkpoint()
    return Kept(table.name, files, into, len(gone), sum(orphan.size for orphan in gone))
