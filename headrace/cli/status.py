"""What stands in the lake: per table its version and rows, per data set its low-water and open plan."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headrace import storage
from headrace.lake.ingested import ingested
from headrace.lake.layout import DataSetFolder, ModelFolder
from headrace.lake.low_water import low_water
from headrace.lake.planning import planner_of
from headrace.lake.reading import read_group
from headrace.lake.settlements import BROUGHT, settled, still_open
from headrace.lake.snapshot import open_snapshot, row_groups
from headrace.lake.tables import is_table
from headrace.spec.data_set import DataSet
from headrace.spec.place import Place
from headrace.spec.project import Located, Project


@dataclass(frozen=True)
class TableStatus:
    """One table as it is now."""

    name: str  # <data set or model>/<table>
    version: int
    rows: int
    files: int
    size: int  # bytes
    notes: dict[str, Any]

    def told(self) -> str:
        """Its notes as text."""
        return ", ".join(f"{name} {_text(note)}" for name, note in self.notes.items())


def status_of(project: Project, place: Place, only: str | None) -> Iterator[TableStatus]:
    """Every table that exists of a project, or of one data set or model; accounts stand as notes of their events."""
    for name, located in sorted(project.data_sets.items()):
        if only not in (None, name):
            continue
        folder = DataSetFolder(place.roots.lake, project.name, name)
        yield from _data_set(located, folder)
    for name in sorted(project.models):
        if only not in (None, name):
            continue
        model = ModelFolder(place.roots.lake, project.name, name)
        live = storage.read(storage.join(place.roots.models, name, "current"))
        notes = {"live bundle": live.decode().strip()} if live else {}
        for table, root in (("features", model.features), ("examples", model.examples), ("scores", model.scores)):
            if is_table(root):
                yield _table(f"{name}/{table}", root, notes if table == "scores" else {})


def _data_set(located: Located[DataSet], folder: DataSetFolder) -> Iterator[TableStatus]:
    data = located.value
    if not is_table(folder.events):
        return
    notes: dict[str, Any] = {}
    if data.time and (complete := low_water(open_snapshot(folder.events), data.time, data.lateness)):
        notes["low-water"] = complete.isoformat()
    if data.of_files and (plan := planner_of(located, folder).open_plan()):
        notes["open plan"] = plan.number
    total = ingested(data, folder)
    notes["account"] = {name: total[name] for name in ("read", "accepted", "quarantined", "duplicate")}
    notes |= {name: total[name] for name in ("replaced", "refused") if total[name]}
    yield _table(f"{data.dataset}/events", folder.events, notes)
    yield _table(f"{data.dataset}/quarantine", folder.quarantine, {"open": _open_rows(folder)})


def _open_rows(folder: DataSetFolder) -> int:
    """The rows of quarantine that no replay has settled; holds one row group of them at a time.

    Settlements of rows that have left quarantine, as their file was loaded again, count nothing.
    """
    quarantine = open_snapshot(folder.quarantine)
    if not is_table(folder.settlements):
        return quarantine.rows
    done = settled(folder.settlements)
    return sum(still_open(read_group(group, BROUGHT), done).num_rows for group in row_groups(quarantine.files))


def _text(note: Any) -> str:
    """A note as people read it.

    >>> _text({"read": 3000, "accepted": 2999, "quarantined": 1, "duplicate": 0})
    '3,000 = 2,999 + 1 + 0'
    """
    if isinstance(note, dict):
        read, *rest = (f"{count:,}" for count in note.values())
        return f"{read} = {' + '.join(rest)}"
    return f"{note:,}" if isinstance(note, int) else str(note)


def _table(name: str, root: str, notes: dict[str, Any]) -> TableStatus:
    found = open_snapshot(root)
    return TableStatus(name, found.version, found.rows, len(found.files), sum(f.size for f in found.files), notes)
