"""Look at a data set's next plan, or abandon the open one."""

from collections.abc import Iterator
from dataclasses import dataclass

from headrace import storage
from headrace.lake.layout import DataSetFolder
from headrace.lake.planning import Planner, planner_of
from headrace.lake.settle import Arrived, Terms, settle
from headrace.spec.place import Place
from headrace.spec.project import load_data_set

SHOWN = 20


@dataclass(frozen=True)
class Next:
    """What the next ingest of a data set would take."""

    open_plan: int | None  # its number; None: a new one would be sealed
    carried_by: tuple[str, ...]  # tables that carry the open plan already
    bytes: int
    files: tuple[str, ...]
    growing: tuple[str, ...] = ()  # left alone for now
    changed: int = 0  # files that were ingested before, as they were then

    def lines(self) -> Iterator[str]:
        """As text, not all of very many files."""
        size = f"{self.bytes / 1e6:,.1f} MB"
        if self.open_plan is None:
            yield f"{_counted(len(self.files) - self.changed, self.changed)}, {size}"
        else:
            carried = ", ".join(self.carried_by) or "no table"
            yield f"open plan {self.open_plan}: {len(self.files)} files, {size}, carried by {carried}"
        yield from self.files[:SHOWN]
        if len(self.files) > SHOWN:
            yield f"… and {len(self.files) - SHOWN} more"
        if self.growing:
            more = ", …" if len(self.growing) > SHOWN else ""
            yield f"left alone, still growing: {', '.join(self.growing[:SHOWN])}{more}"


def _counted(new: int, changed: int) -> str:
    """How many files are to be taken, in words.

    >>> _counted(2, 1)
    '2 new files, 1 changed file'
    >>> _counted(0, 0)
    '0 new files'
    """
    told = [(n, kind) for n, kind in ((new, "new"), (changed, "changed")) if n] or [(0, "new")]
    return ", ".join(f"{n} {kind} file{'' if n == 1 else 's'}" for n, kind in told)


def next_plan(config: str, place: Place) -> Next:
    """The open plan, or the files a new one would hold; seals nothing."""
    planner, _ = _planner(config, place)
    if plan := planner.open_plan():
        carried = tuple(name for name, carries in planner.carried(plan).items() if carries)
        return Next(plan.number, carried, plan.size, tuple(file.path for file in plan.files))
    new = planner.new_files()
    size = sum(status.size for _, status in new.complete)
    return Next(None, (), size, tuple(path for path, _ in new.complete), tuple(new.growing), new.changed)


def abandon_plan(config: str, place: Place, number: int) -> None:
    """Settle the open plan as one without files; its files are free for the next."""
    planner, folder = _planner(config, place)
    with storage.locked(folder.root):
        plan = planner.abandon(number)
        settle(plan, folder.committed, Arrived([], {"quarantine": [], "events": []}), Terms())


def _planner(config: str, place: Place) -> tuple[Planner, DataSetFolder]:
    project, data = load_data_set(config)
    folder = DataSetFolder(place.roots.lake, project.name, data.dataset)
    return planner_of(project.data_sets[data.dataset], folder), folder
