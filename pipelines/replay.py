"""Rows in quarantine → events, by the contract as it is now; each once.

python -m pipelines.replay --config conf/flights/outcomes.yaml [--place FILE] [Beam options]
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from headrace import entry, storage
from headrace.entry import Call
from headrace.failures import Conflict, Failure
from headrace.lake.before import Before, rows_before
from headrace.lake.commit import newest_infos
from headrace.lake.data_set_tables import events_schema, quarantine_schema
from headrace.lake.layout import DataSetFolder
from headrace.lake.planning import planner_of
from headrace.lake.repeats import keys_as_they_came
from headrace.lake.replays import Arrived, Replay, next_replay, settle_replay
from headrace.lake.settlements import SETTLEMENTS
from headrace.lake.snapshot import open_snapshot
from headrace.lake.tables import create_table
from headrace.spec.data_set import DataSet
from headrace.spec.digest import contract_digest
from headrace.spec.project import load_data_set, parse_data_set
from pipelines.launch import Launcher

if TYPE_CHECKING:
    import apache_beam as beam


@dataclass(frozen=True)
class Work:
    """What a replay reads and writes."""

    replay: Replay
    data: DataSet  # as it was sealed
    folder: DataSetFolder  # absolute: a worker stands elsewhere
    before: Before | None  # the rows in which keys are looked for


def build(root: "beam.Pipeline", work: Work) -> None:
    """Lay out the whole flow; each quoted name is a box in the runner's graph."""
    import apache_beam as beam  # noqa: PLC0415  # loaded when there is work

    from transforms.check_again import CheckAgain  # noqa: PLC0415
    from transforms.find_repeats import FindRepeats  # noqa: PLC0415
    from transforms.read_delta import ReadDelta  # noqa: PLC0415
    from transforms.write_files import WriteFiles  # noqa: PLC0415

    replay, data, folder, before = work.replay, work.data, work.folder, work.before
    files = open_snapshot(folder.quarantine, replay.quarantine.version).files
    rows = root | "Read quarantine" >> ReadDelta(files, quarantine_schema())
    again = rows | "Again" >> CheckAgain(data, folder.plans, folder.settlements, replay.settlements.version)
    events = again.accepted | "Write events" >> WriteFiles(folder.events, events_schema(data))
    repeats = again.accepted | "Find repeats" >> FindRepeats(data, before, keys_as_they_came)
    parts = [
        events | "Events" >> beam.Map(lambda file: (None, ("written", file))),
        again.counts | "Counts" >> beam.Map(lambda counts: (None, ("counts", counts))),
        repeats | "Repeated" >> beam.Map(lambda found: (None, ("repeats", found))),
        root | "Replay" >> beam.Create([(None, ("replay", None))], reshuffle=False),
    ]
    gathered = parts | "All" >> beam.Flatten() | "Gather" >> beam.GroupByKey()
    gathered | "Settle" >> beam.Map(_settle, work)


def _settle(gathered: tuple[None, Iterable[tuple[str, Any]]], work: Work) -> None:
    parts: dict[str, list[Any]] = {"written": [], "counts": [], "repeats": [], "replay": []}
    for part, value in gathered[1]:
        parts[part].append(value)
    arrived = Arrived(parts["counts"], parts["written"], parts["repeats"])
    settle_replay(work.replay, work.folder, arrived, work.data, work.before)


def replay(call: Call) -> dict[str, Any]:
    """Check every row in quarantine that is whole and not settled; what passes is in events afterwards.

    Rows keep the file and offset they came with. Run twice, also when killed, it settles
    each once; with the same contract and no new rows there is nothing to do. One that was begun
    by another contract is finished first, then one by the present contract follows.
    """
    launcher = Launcher(call)
    project, data = load_data_set(call.config)
    lake = call.place.roots.lake
    folder = DataSetFolder(lake, project.name, data.dataset)
    with storage.locked(folder.replays):  # not the data set's lock: a stream may hold that for ever
        open_snapshot(folder.quarantine)  # there is one
        create_table(folder.events, events_schema(data))
        create_table(folder.settlements, SETTLEMENTS)
        located = project.data_sets[data.dataset]
        if data.of_files and (plan := planner_of(located, folder).open_plan()):
            raise Conflict(
                f"{folder.root}: plan {plan.number} is not finished, and a replay may hold its keys; finish it first: "
                f"headrace ingest {call.config}"
            )
        away = DataSetFolder(storage.absolute(lake), project.name, data.dataset)
        done: list[dict[str, int]] = []
        while sealed := next_replay(folder, located):
            done.append(_run(sealed, away, launcher, call))
            if sealed.contract == contract_digest(data):
                break  # else it was one that another run had begun, by the contract as it was then
    if not done:
        return {"data_set": data.dataset, "nothing_to_do": True}
    sums = {name: sum(one[name] for one in done) for name in ("accepted", "duplicate", "replaced")}
    read = sums["accepted"] + sums["duplicate"] + done[-1]["quarantined"]
    return {"data_set": data.dataset, **done[-1], **sums, "read": read}


def _run(sealed: Replay, away: DataSetFolder, launcher: Launcher, call: Call) -> dict[str, int]:
    """Do one sealed replay; what it tells of itself."""
    rows = open_snapshot(away.quarantine, sealed.quarantine.version).rows
    call.progress.step(f"replay {sealed.number} of {sealed.data_set}", rows=rows)
    by = parse_data_set(sealed.text, sealed.config, sealed.schemas).value
    work = Work(sealed, by, away, rows_before(by, away.events, 50 * rows, whole=True))
    state = launcher.run(f"replay {sealed.data_set}", rows, partial(build, work=work))
    told = next((info["replay"] for info in newest_infos(away.events) if "replay" in info), {"replay": 0})
    if told["replay"] != sealed.number:
        raise Failure(
            f"replay {sealed.number} of {sealed.data_set}: the runner has ended (state {state}), but the events do "
            "not carry it: nothing was committed there. Look into the runner's log, and run again"
        )
    return dict(told)


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    return entry.run(replay, argv, prog="python -m pipelines.replay", about=__doc__.splitlines()[0], pass_on=True)


if __name__ == "__main__":
    sys.exit(main())
