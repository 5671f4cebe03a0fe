"""What somebody still needs of a project's tables: versions to go on from, and files that no version names yet."""

import datetime as dt

from headrace.lake.at_work import by_any_clock, last_begun
from headrace.lake.commit import last_info, stored_token
from headrace.lake.layout import DataSetFolder, ModelFolder
from headrace.lake.planning import planner_of
from headrace.lake.plans import PlanFolder
from headrace.lake.replays import open_replay
from headrace.lake.snapshot import open_snapshot
from headrace.lake.tables import is_table, open_table
from headrace.spec.place import Place
from headrace.spec.project import Project


def needed_versions(project: Project, place: Place) -> dict[str, int]:
    """By root, the oldest version from which somebody goes on: features, scores, open replays, examples as written."""
    lake = place.roots.lake
    oldest: dict[str, int] = {}

    def note(root: str, version: int | None) -> None:
        if version is not None:
            oldest[root] = min(version, oldest.get(root, version))

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
        if info := last_info(model.examples):  # a bundle's bytes depend on the order in which they were written
            note(model.examples, info["version"])
        if is_table(model.scores):  # of every bundle: an older one may become the live one again
            for bundle in {file.partition["bundle"] for file in open_snapshot(model.scores).files}:
                note(model.features, stored_token(model.scores, f"score/{bundle}"))
    return oldest


def oldest_writer(project: Project, place: Place, name: str) -> dt.datetime | None:
    """A time before any run began that may still commit to tables of a data set or model; None where none ever ran.

    That is the last one that began, or, where its driver died and its workers live on, the
    one that sealed the open plan. A replay writes as long as the one it sealed is open, and not after.
    """
    if name not in project.data_sets:
        return last_begun(ModelFolder(place.roots.lake, project.name, name).root)
    folder = DataSetFolder(place.roots.lake, project.name, name)
    begun = [last_begun(folder.root)]
    located = project.data_sets[name]
    planned = located.value.of_files and PlanFolder(folder.plans).numbers()
    if planned and (plan := planner_of(located, folder).open_plan()):
        begun.append(by_any_clock(plan.sealed_at))
    if replay := open_replay(folder):
        begun.append(by_any_clock(replay.sealed_at))
    return min((moment for moment in begun if moment is not None), default=None)
