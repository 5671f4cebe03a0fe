"""Files → events and quarantine, every row once and accounted for.

python -m pipelines.ingest_batch --config conf/flights/outcomes.yaml [--place FILE] [Beam options]
"""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from headrace import entry
from headrace.entry import Call, Usage
from headrace.failures import Failure
from headrace.lake import storage
from headrace.lake.account_table import catch_up, read_accounts
from headrace.lake.accounts import Account
from headrace.lake.before import Before, rows_before
from headrace.lake.data_set_tables import events_schema, quarantine_schema
from headrace.lake.layout import DataSetFolder
from headrace.lake.lock import locked
from headrace.lake.planning import Planner, planner_of
from headrace.lake.plans import Plan, SealedPlan
from headrace.lake.settle import Terms
from headrace.lake.tables import create_table
from headrace.spec.data_set import DataSet
from headrace.spec.project import load_data_set, parse_data_set
from pipelines.launch import Launcher

if TYPE_CHECKING:
    import apache_beam as beam


def build(
    root: "beam.Pipeline", plan: SealedPlan, data: DataSet, tables: Mapping[str, str], before: Before | None
) -> None:
    """Lay out the whole flow; each quoted name is a box in the runner's graph."""
    import apache_beam as beam  # noqa: PLC0415  # loaded when there is work

    from transforms.check import Check  # noqa: PLC0415
    from transforms.find_repeats import FindRepeats  # noqa: PLC0415
    from transforms.read_plan import ReadPlan  # noqa: PLC0415
    from transforms.settle import Arrivals, Settle  # noqa: PLC0415
    from transforms.write_files import WriteFiles  # noqa: PLC0415

    raw = root | "Read" >> ReadPlan(plan, data.source)
    rows = raw | "Check" >> Check(data, plan.number)
    events = rows.accepted | "Write events" >> WriteFiles(tables["events"], events_schema(data))
    refused = rows.quarantined | "Write quarantine" >> WriteFiles(tables["quarantine"], quarantine_schema())

    if before is None:
        repeats = root | "Not looked for" >> beam.Create([], reshuffle=False)
    else:
        key = pa.schema([events_schema(data).field(name) for name in data.key])
        repeats = rows.accepted | "Find repeats" >> FindRepeats(key, before.files, before.rows)
    terms = Terms.of(data, before and before.version)
    Arrivals(events, refused, rows.counts, repeats) | "Settle" >> Settle(plan, tables, terms)


def ingest(call: Call) -> dict[str, Any]:
    """Work through the open plan, then through new files, until there is nothing to do.

    Run twice it commits nothing new the second time. Returns the sums of the accounts
    of this run and the versions of the tables.
    """
    launcher = Launcher(call)
    project, data = load_data_set(call.config)
    if data.source.topic:
        raise Usage(
            f"{call.config}: the rows of {data.dataset} come from a topic; ingest them with: "
            f"python -m pipelines.ingest_stream --config {call.config}"
        )
    folder = DataSetFolder(call.place.roots.lake, project.name, data.dataset)
    tables = {name: storage.absolute(root) for name, root in folder.committed.items()}  # a worker stands elsewhere
    with locked(folder.root):
        create_table(folder.quarantine, quarantine_schema())
        create_table(folder.events, events_schema(data))
        catch_up(folder)
        planner = planner_of(project.data_sets[data.dataset], folder)
        done = []
        while plan := planner.next():
            call.progress.step(
                f"plan {plan.number} of {data.dataset}", files=len(plan.files), megabytes=round(plan.size / 1e6, 1)
            )
            sealed = SealedPlan(storage.absolute(folder.plans), plan.number, plan.seal)
            by = parse_data_set(plan.text, plan.config).value
            state = launcher.run(
                f"ingest {data.dataset}",
                plan.size,
                partial(build, plan=sealed, data=by, tables=tables, before=rows_before(by, folder.events, plan.size)),
            )
            _prove_carried(planner, plan, state)
            catch_up(folder)
            done.append(plan.number)
    return _summary(data.dataset, folder, done)


def _prove_carried(planner: Planner, plan: Plan, state: str) -> None:
    """The runner's word that it is done is not believed: the plan would be handed to it again and again."""
    if lacking := [name for name, carries in planner.carried(plan).items() if not carries]:
        raise Failure(
            f"plan {plan.number} of {plan.data_set}: the runner has ended (state {state}), but {', '.join(lacking)} "
            "does not carry the plan: nothing was committed there. Does the runner only draw or submit pipelines? Name "
            "another one in the place file, or look into its log; the plan is open and the next run takes it up"
        )


def _summary(data_set: str, folder: DataSetFolder, done: Sequence[int]) -> dict[str, Any]:
    accounts = [a for a in read_accounts(folder) if a.plan in done]
    return {"data_set": data_set, "plans": list(done), **Account.total(accounts), "nothing_to_do": not done}


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    return entry.run(ingest, argv, prog="python -m pipelines.ingest_batch", about=__doc__.splitlines()[0], pass_on=True)


if __name__ == "__main__":
    sys.exit(main())
