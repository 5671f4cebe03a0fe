"""Files → events and quarantine, every row once and accounted for.

python -m pipelines.ingest_batch --config conf/flights/outcomes.yaml [--place FILE] [--watch 30s] [Beam options]
"""

import argparse
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from headrace import entry, storage
from headrace.entry import Call
from headrace.failures import Failure, UsageFailure
from headrace.lake.account_table import catch_up, read_accounts
from headrace.lake.accounts import NOT_LOOKED_FOR, Account
from headrace.lake.at_work import at_work
from headrace.lake.before import Before, rows_before
from headrace.lake.data_set_tables import events_schema, quarantine_schema
from headrace.lake.layout import DataSetFolder
from headrace.lake.missed_keys import were_left_out
from headrace.lake.new_files import NothingDelivered
from headrace.lake.planning import Planner, planner_of
from headrace.lake.plans import Plan, SealedPlan
from headrace.lake.settle import Terms
from headrace.lake.tables import create_table
from headrace.spec.data_set import DataSet
from headrace.spec.project import Project, load_data_set, parse_data_set
from headrace.spec.values import parse_duration
from pipelines.launch import Launcher
from pipelines.metrics_file import metrics_kept

if TYPE_CHECKING:
    import apache_beam as beam


def build(
    root: "beam.Pipeline", plan: SealedPlan, data: DataSet, tables: Mapping[str, str], before: Before | None
) -> None:
    """Lay out the whole flow; each quoted name is a box in the runner's graph."""
    from transforms.check import Check  # noqa: PLC0415
    from transforms.find_repeats import FindRepeats  # noqa: PLC0415
    from transforms.read_plan import ReadPlan  # noqa: PLC0415
    from transforms.settle import Arrivals, Settle  # noqa: PLC0415
    from transforms.write_files import WriteFiles  # noqa: PLC0415

    raw = root | "Read" >> ReadPlan(plan, data.source)
    rows = raw | "Check" >> Check(data, plan.number)
    events = rows.accepted | "Write events" >> WriteFiles(tables["events"], events_schema(data))
    refused = rows.quarantined | "Write quarantine" >> WriteFiles(tables["quarantine"], quarantine_schema())

    repeats = rows.accepted | "Find repeats" >> FindRepeats(data, before)
    Arrivals(events, refused, rows.counts, repeats) | "Settle" >> Settle(plan, tables, Terms.of(data, before))


def ingest(call: Call) -> dict[str, Any]:
    """Work through the open plan, then through new files, until there is nothing to do; or until told, with --watch.

    Run twice it commits nothing new the second time. Returns the sums of the accounts of
    this run.
    """
    launcher = Launcher(call)
    project, data = load_data_set(call.config)
    if not data.of_files:
        raise UsageFailure(
            f"{call.config}: the rows of {data.dataset} come from a topic; ingest them with: "
            f"python -m pipelines.ingest_stream --config {call.config}"
        )
    folder = DataSetFolder(call.place.roots.lake, project.name, data.dataset)
    tables = {name: storage.absolute(root) for name, root in folder.committed.items()}  # a worker stands elsewhere
    with at_work(folder.root):
        create_table(folder.quarantine, quarantine_schema())
        create_table(folder.events, events_schema(data))
        catch_up(folder)
        planner = planner_of(project.data_sets[data.dataset], folder)
        done = []
        for plan in plans(planner, call, project):
            call.progress.step(
                f"plan {plan.number} of {data.dataset}", files=len(plan.files), megabytes=round(plan.size / 1e6, 1)
            )
            for refused in (each for file in plan.files for each in file.refused):
                call.progress.step(f"refused: {refused.why}")
            sealed = SealedPlan(storage.absolute(folder.plans), plan.number, plan.seal)
            by = parse_data_set(plan.text, plan.config).value.of_files
            assert by is not None  # its files were planned
            before = rows_before(by, folder.events, plan.raw_bytes(by.source.format), plan.reloads, plan.number)
            before = before and before._replace(left_out=were_left_out(folder, plan))
            state = launcher.run(
                f"ingest {data.dataset}",
                plan.size,
                partial(
                    build,
                    plan=sealed,
                    data=by,
                    tables=tables,
                    before=before,
                ),
            )
            if planner.found_damage(plan):
                call.progress.step(f"plan {plan.number} of {data.dataset} is sealed anew, without what cannot be read")
                continue
            _prove_carried(planner, plan, state)
            catch_up(folder)
            done.append(plan.number)
    return _summary(data, folder, done)


def plans(planner: Planner, call: Call, project: Project) -> Iterator[Plan]:
    """The plans to work through, in turn; with --watch also those of files that come later."""
    pause: timedelta | None = getattr(call.options, "watch", None)
    if pause is None:
        while plan := planner.next():
            yield plan
        return
    with asked_to_end() as end, metrics_kept(project, call.place, planner.data_set):
        told = False
        while not end.is_set():
            with suppress(NothingDelivered):  # yet
                if plan := planner.next():
                    yield plan
                    told = False
                    continue
            if not told:
                call.progress.step(f"watch {planner.pattern}", every=f"{pause.total_seconds():g} s")
                told = True
            end.wait(pause.total_seconds())


@contextmanager
def asked_to_end() -> Iterator[threading.Event]:
    """Inside, SIGTERM sets the event in place of ending the process: the plan that is being worked on is finished."""
    end = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: end.set())
    try:
        yield end
    finally:
        signal.signal(signal.SIGTERM, before)


def _prove_carried(planner: Planner, plan: Plan, state: str) -> None:
    """The runner's word that it is done is not believed: the plan would be handed to it again and again."""
    if lacking := [name for name, carries in planner.carried(plan).items() if not carries]:
        raise Failure(
            f"plan {plan.number} of {plan.data_set}: the runner has ended (state {state}), but {', '.join(lacking)} "
            "does not carry the plan: nothing was committed there. Does the runner only draw or submit pipelines? Name "
            "another one in the place file, or look into its log; the plan is open and the next run takes it up"
        )


def _summary(data: DataSet, folder: DataSetFolder, done: Sequence[int]) -> dict[str, Any]:
    total = Account.total(a for a in read_accounts(folder) if a.plan in done)
    if not done:  # no account says how repeats would have been looked for
        terms = Terms.of(data, rows_before(data, folder.events, 0))
        total["duplicates"] = terms.key.told if terms.key else NOT_LOOKED_FOR
    return {"data_set": data.dataset, "plans": list(done), **total, "nothing_to_do": not done}


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    about = __doc__.splitlines()[0]
    return entry.run(
        ingest, argv, prog="python -m pipelines.ingest_batch", about=about, options=_own_options, pass_on=True
    )


def _own_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--watch",
        metavar="PAUSE",
        type=_pause,
        help="look for new files again and again, so often (30s, 5m), until SIGTERM or Ctrl-C",
    )


def _pause(text: str) -> timedelta:
    try:
        pause = parse_duration(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from fault
    if not pause:
        raise argparse.ArgumentTypeError("without a pause the folder would be looked at all the time; write 30s")
    return pause


if __name__ == "__main__":
    sys.exit(main())
