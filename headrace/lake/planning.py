"""Decide what a batch run does next: finish the open plan, or seal one over the new files."""

import datetime as dt
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from headrace import storage
from headrace.failures import Conflict, DataFailure, UsageFailure
from headrace.lake.damaged_files import noted_damage, without_damage
from headrace.lake.layout import DataSetFolder
from headrace.lake.new_files import NewFiles, new_files, some_of
from headrace.lake.plans import Plan, PlanFolder, PlannedFile, TableBase, plan_app
from headrace.lake.replays import open_replay
from headrace.lake.tables import open_table
from headrace.rows.cut import FilePlan, cut
from headrace.rows.damaged import Damaged, whole_file
from headrace.spec.data_set import DataSet
from headrace.spec.digest import contract_digest
from headrace.spec.project import Located
from headrace.storage import FileStatus

MOST_FILES = 10_000
MOST_BYTES = 64_000_000_000
_ASKED_AT_ONCE = 16


@dataclass(frozen=True)
class Planner:
    """Plans of one data set, against the tables they write.

    `cut` opens one file and says how it is laid out; it raises `DataFailure` where the
    file is no file of this data set. `reload` asks whether a changed file may be loaded again
    now, and raises where not; without it never. `roots` maps table names to their roots, in the
    order in which they are committed.
    """

    plans: PlanFolder
    data_set: str
    config: str
    text: str
    contract: str
    pattern: str
    roots: Mapping[str, str]
    cut: Callable[[str, FileStatus], PlannedFile]
    reload: Callable[[], None] | None = None

    def open_plan(self) -> Plan | None:
        """The plan that was sealed and is not yet carried by every table; changes nothing."""
        newest = max(self.plans.numbers(), default=0)
        if newest and not all(self.carried(plan := self.plans.read(newest)).values()):
            return plan
        return None

    def next(self) -> Plan | None:
        """The plan to work through now, or None where there is nothing to do.

        Only one plan is open at a time, so a file that failed is tried again before
        newer ones are looked at.
        """
        if plan := self.open_plan():
            return plan if any(self.carried(plan).values()) else self._sealed_again(plan)
        return self._sealed_anew(max(self.plans.numbers(), default=0) + 1)

    def found_damage(self, plan: Plan) -> bool:
        """Whether a run of the plan has committed nothing, because it could not read all; `next` then leaves that out.

        Raises:
            DataFailure: a table carries the plan already, so it must be finished as it was sealed.
        """
        damage, carried = noted_damage(self.plans.folder, plan), self.carried(plan).values()
        if all(carried):
            return False
        if damage and any(carried):
            why = "; ".join(found[0].why for found in damage.values())
            raise DataFailure(
                f"plan {plan.number} of {self.data_set} is committed to a part of its tables, and what it was made of "
                f"cannot be read any more: {why}. Put the files back as they were, and run again"
            )
        return bool(damage)

    def abandon(self, number: int) -> Plan:
        """Free the files of the open plan; it is then settled as a plan without files.

        Raises:
            UsageFailure: it is not the open plan, or a table carries it, so it must be finished.
        """
        plan = self.open_plan()
        if plan is None or plan.number != number:
            is_open = f"open is {plan.number}" if plan else "none is open"
            raise UsageFailure(f"plan {number} of {self.data_set} cannot be abandoned: {is_open}")
        if carrying := [name for name, carries in self.carried(plan).items() if carries]:
            raise UsageFailure(
                f"plan {number} of {self.data_set} cannot be abandoned: {', '.join(carrying)} carries it already; "
                f"finish it with: headrace ingest {self.config}"
            )
        self.plans.abandon(plan)
        return self.plans.read(number)

    def carried(self, plan: Plan) -> dict[str, bool]:
        """Which tables carry the plan's number.

        Raises:
            Conflict: a table carries a later number, or has been replaced by another one.
        """
        return {name: self._carries(plan, name, root) for name, root in self.roots.items()}

    def _carries(self, plan: Plan, name: str, root: str) -> bool:
        table = open_table(root)
        found = str(table.metadata().id)
        if found != plan.tables[name].table_id:
            raise Conflict(
                f"{root}: plan {plan.number} was sealed for another table (id {plan.tables[name].table_id}, "
                f"found {found}); put the table back, or {self._together}"
            )
        token = table.transaction_version(plan.app(name))
        if token is not None and token > plan.number:
            raise Conflict(f"{root}: carries plan {token}, but {self.plans.folder} ends with {plan.number}")
        if token == plan.number and table.transaction_version(f"{plan.app(name)}/seal") != plan.seal:
            raise Conflict(
                f"{root}: carries plan {plan.number} as another run had sealed it, perhaps one that outlived its "
                f"driver; {self._together}"
            )
        return token == plan.number

    def _sealed_again(self, plan: Plan) -> Plan:
        """The open plan over the same files as they are now, under the contract as it is now."""
        files, damage = [], noted_damage(self.plans.folder, plan)
        for file in plan.files:
            status = storage.status(file.path)
            if status is None:
                raise DataFailure(
                    f"{file.path}: the open plan {plan.number} of {self.data_set} holds this file, and it is gone; "
                    f"put it back, or free the plan's files with: headrace plan {self.config} --abandon {plan.number}"
                )
            if (status, self.contract) != (file.status, plan.contract):
                files.append(self.cut(file.path, status))
            else:
                files.append(without_damage(file, damage.get(file.path, ())))
        again = replace(plan, text=self.text, contract=self.contract, files=tuple(files))
        self._hold_old_rows(again)
        if again != plan:
            self.plans.reseal(again)
        return again

    def _sealed_anew(self, number: int) -> Plan | None:
        self._prove_plans_complete(number - 1)
        new = self.new_files()
        chosen = capped(new.complete)
        if not chosen:
            return None
        reloads = self._reloads([path for path, _ in chosen])
        plan = Plan(
            number=number,
            data_set=self.data_set,
            sealed_at=dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"),
            config=self.config,
            text=self.text,
            contract=self.contract,
            files=self._laid_out(chosen),
            tables={name: _base(root) for name, root in self.roots.items()},
            reloads=reloads,
        )
        self._hold_old_rows(plan)
        self.plans.seal(plan)
        return plan

    def _hold_old_rows(self, plan: Plan) -> None:
        """Nothing, where every file that is loaded again is whole: old rows must not leave for what is left of a file.

        Raises:
            DataFailure: one is damaged, and rows of it were read before.
        """
        damaged = [file for file in plan.files if file.refused] if plan.reloads else []
        before = self.plans.planned(before=plan.number) if damaged else {}
        if faults := [
            f"{file.path}: was ingested, and what was delivered in its place cannot be read whole "
            f"({file.refused[0].why}); its old rows stay. Deliver it again whole, or put it back, and run again"
            for file in damaged
            if file.real in before and not before[file.real].unread
        ]:
            raise DataFailure(some_of(faults))

    def _prove_plans_complete(self, newest: int) -> None:
        """Every table carries the newest plan and no later one, so no plan has been lost."""
        for name, root in self.roots.items():
            table = open_table(root)
            token = table.transaction_version(plan_app(self.data_set, str(table.metadata().id)))
            if token != (newest or None):
                raise Conflict(
                    f"{root}: carries plan {token}, but the newest in {self.plans.folder} is {newest or 'none'}, so "
                    f"nobody knows which files are in {name}; put the plans back, or {self._together}"
                )

    def _reloads(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those of the files that some plan holds already, by the names that tables keep."""
        if self.reload is None:
            return ()
        again = self.plans.planned().keys() & set(storage.resolved_each(list(paths)))
        if again:
            self.reload()
        return self.plans.names_of(again) if again else ()

    @property
    def _together(self) -> str:
        folder = os.path.dirname(self.plans.folder)  # noqa: PTH120  # a URI as well as a path
        return f"move the whole folder {folder} away and ingest again: its tables and plans belong together"

    def new_files(self) -> NewFiles:
        """The files that no plan holds."""
        return new_files(self.pattern, self.plans.planned(), self.config, reload=self.reload is not None)

    def _cuts(self, files: Iterable[tuple[str, FileStatus]]) -> Iterator[tuple[str, Callable[[], PlannedFile]]]:
        """Each file with what cuts it; a store, which takes its time to answer, is asked about many at once."""
        if not storage.on_a_store(self.pattern):
            yield from ((path, partial(self.cut, path, status)) for path, status in files)
            return
        pool = ThreadPoolExecutor(_ASKED_AT_ONCE)
        try:
            cuts = [(path, pool.submit(self.cut, path, status)) for path, status in files]
            yield from ((path, found.result) for path, found in cuts)
        finally:
            pool.shutdown(cancel_futures=True)

    def _laid_out(self, files: Iterable[tuple[str, FileStatus]]) -> tuple[PlannedFile, ...]:
        """Every file cut; what is wrong with several is told at once."""
        laid, faults = [], []
        for path, cut_file in self._cuts(files):
            try:
                laid.append(cut_file())
            except DataFailure as fault:
                faults.append(str(fault))
            except FileNotFoundError:
                faults.append(f"{path}: was there a moment ago and has been taken away; run again")
        if faults:
            raise DataFailure(some_of(faults))
        return tuple(laid)


def capped(
    files: Sequence[tuple[str, FileStatus]], most_files: int = MOST_FILES, most_bytes: int = MOST_BYTES
) -> list[tuple[str, FileStatus]]:
    """As many files from the front as one plan may hold, at least one.

    >>> small = [(name, FileStatus(6, 0)) for name in "abc"]
    >>> [name for name, _ in capped(small, most_bytes=12)]
    ['a', 'b']
    """
    chosen: list[tuple[str, FileStatus]] = []
    size = 0
    for path, status in files[:most_files]:
        size += status.size
        if chosen and size > most_bytes:
            break
        chosen.append((path, status))
    return chosen


def _base(root: str) -> TableBase:
    table = open_table(root)
    return TableBase(str(table.metadata().id), table.version())


def planner_of(located: Located[DataSet], folder: DataSetFolder) -> Planner:
    """What decides the next plan of a data set; its tables must be there."""
    data = located.value.of_files
    if data is None:
        raise UsageFailure(
            f"{located.file}: the rows of {located.value.dataset} come from a topic, which is read without plans"
        )

    def lay_out(path: str, status: FileStatus) -> PlannedFile:
        try:
            found = cut(path, data)
        except Damaged as damage:
            found = FilePlan(0, (), (), (whole_file(path, damage),))
        return PlannedFile(path, storage.resolved(path), *status, found.header, found.ranges, found.refused)

    return Planner(
        plans=PlanFolder(folder.plans),
        data_set=data.dataset,
        config=located.file,
        text=located.text,
        contract=contract_digest(located.value),
        pattern=data.source.path,
        roots=folder.committed,
        cut=lay_out,
        reload=partial(_no_open_replay, folder, located.file) if data.source.changed == "reload" else None,
    )


def _no_open_replay(folder: DataSetFolder, config: str) -> None:
    """Nothing, where no rows of an older load can come into the events any more.

    Raises:
        Conflict: a replay is sealed and not done.
    """
    if replay := open_replay(folder):
        raise Conflict(
            f"{folder.root}: replay {replay.number} is not finished, and may hold rows of a file that is to be loaded "
            f"again; finish it first: headrace replay {config}"
        )
