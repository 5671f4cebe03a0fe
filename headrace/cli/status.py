"""What stands in the lake: per table its version and rows, per data set its low-water and open plan."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headrace import storage
from headrace.lake.ingested import ingested
from headrace.lake.layout import DataSetFolder, ModelFolder
from headrace.lake.low_water import low_water
from headrace.lake.planning import planner_of
from headrace.lake.snapshot import open_snapshot
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


def status_of(project: Project, place: Place) -> Iterator[TableStatus]:
    """Every table of a project that exists, data sets first; accounts stand as notes of their events."""
    for name, located in sorted(project.data_sets.items()):
        folder = DataSetFolder(place.roots.lake, project.name, name)
        yield from _data_set(located, folder)
    for name in sorted(project.models):
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
    notes["account"] = f"{total['read']:,} = {total['accepted']:,} + {total['quarantined']:,} + {total['duplicate']:,}"
    notes |= {name: total[name] for name in ("replaced", "refused") if total[name]}
    yield _table(f"{data.dataset}/events", folder.events, notes)
    settled = {"settled": open_snapshot(folder.settlements).rows} if is_table(folder.settlements) else {}
    yield _table(f"{data.dataset}/quarantine", folder.quarantine, settled)


def _table(name: str, root: str, notes: dict[str, Any]) -> TableStatus:
    found = open_snapshot(root)
    return TableStatus(name, found.version, found.rows, len(found.files), sum(f.size for f in found.files), notes)
