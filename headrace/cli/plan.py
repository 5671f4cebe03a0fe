"""Look at a data set's next plan, or abandon the open one."""

from collections.abc import Iterator

from headrace.lake.layout import DataSetFolder
from headrace.lake.lock import locked
from headrace.lake.planning import Planner, planner_of
from headrace.lake.settle import settle
from headrace.lake.storage import matching
from headrace.lake.tables import is_table
from headrace.spec.place import Place
from headrace.spec.project import load_data_set

SHOWN = 20


def next_files(config: str, place: Place) -> Iterator[str]:
    """What the next ingest would take, as lines; seals nothing."""
    planner, folder = _planner(config, place)
    if not is_table(folder.events):
        found = list(matching(planner.pattern))
        yield f"{len(found)} files, none ingested yet"
        yield from found[:SHOWN]
        return
    if plan := planner.open_plan():
        carried = ", ".join(name for name, carries in planner.carried(plan).items() if carries) or "no table"
        yield f"open plan {plan.number}: {len(plan.files)} files, {plan.size / 1e6:,.1f} MB, carried by {carried}"
        yield from (file.path for file in plan.files[:SHOWN])
        return
    new = planner.new_files()
    yield f"{len(new)} new files, {sum(s.size for _, s in new) / 1e6:,.1f} MB"
    yield from (path for path, _ in new[:SHOWN])


def abandon_plan(config: str, place: Place, number: int) -> Iterator[str]:
    """Settle the open plan as one without files; its files are free for the next."""
    planner, folder = _planner(config, place)
    with locked(folder.root):
        plan = planner.abandon(number)
        settle(plan, folder.committed, [], {"quarantine": [], "events": []}, None)
    yield f"plan {number} is abandoned; its files are free: headrace ingest {config}"


def _planner(config: str, place: Place) -> tuple[Planner, DataSetFolder]:
    project, data = load_data_set(config)
    folder = DataSetFolder(place.roots.lake, project.name, data.dataset)
    return planner_of(project.data_sets[data.dataset], folder), folder
