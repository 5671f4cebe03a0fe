"""Forget what was made of a data set or a model, so that it is made anew."""

from dataclasses import dataclass

from headrace import storage
from headrace.cli.upkeep import tables
from headrace.failures import DataFailure
from headrace.lake.layout import DataSetFolder
from headrace.lake.snapshot import open_snapshot
from headrace.spec.place import Place
from headrace.spec.project import Project


@dataclass(frozen=True)
class Forgotten:
    """What a reset removes."""

    folder: str
    rows: dict[str, int]  # by table


def would_forget(project: Project, place: Place, name: str) -> Forgotten:
    """What stands in the lake of a data set or model: its tables, and of a data set its plans.

    Raises:
        DataFailure: nothing stands there.
    """
    found = {t.name: open_snapshot(t.root).rows for t in tables(project, place, name)}
    folder = DataSetFolder(place.roots.lake, project.name, name).root
    if not found:
        raise DataFailure(f"{folder}: no table of {name} stands there; there is nothing to forget")
    return Forgotten(folder, found)


def forget(forgotten: Forgotten) -> None:
    """Remove the folder in one step, as far as a reader can tell; raw files and bundles stay.

    Raises:
        Conflict: a run is at work there.
    """
    with storage.locked(forgotten.folder), storage.locked(storage.join(forgotten.folder, "replays")):
        if storage.on_a_store(forgotten.folder):  # where it takes steps; tables without plans can be reset again
            for plans in ("plans", "replays"):
                storage.remove_folder(storage.join(forgotten.folder, plans))
        storage.remove_folder(forgotten.folder)
