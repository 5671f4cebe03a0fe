"""A Kafka topic → events and quarantine, every message once and accounted for.

python -m pipelines.ingest_stream --config FILE [--place FILE] [--until now|forever] [Beam options]
"""

import argparse
import datetime as dt
import json
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from headrace import entry, storage
from headrace.entry import Call
from headrace.failures import Conflict, Failure, UsageFailure
from headrace.lake.accounts import NOT_LOOKED_FOR
from headrace.lake.at_work import at_work
from headrace.lake.data_set_tables import events_schema, quarantine_schema
from headrace.lake.key_window import StreamKey, prove_fits
from headrace.lake.layout import DataSetFolder
from headrace.lake.offsets import Begin, Topic, partition_name
from headrace.lake.planning import Planner, planner_of
from headrace.lake.stream_account import StreamAccount
from headrace.lake.stream_commit import StreamTable, stream_account, stream_prefix
from headrace.lake.tables import create_table, open_table
from headrace.rows.messages import KEY, MessageChecker
from headrace.spec.data_set import DataSet
from headrace.spec.digest import contract_digest
from headrace.spec.place import BeamPlace, KafkaPlace
from headrace.spec.project import load_data_set
from pipelines.launch import Launcher
from pipelines.metrics_file import metrics_kept
from pipelines.topic import look_at, offsets_at

if TYPE_CHECKING:
    import apache_beam as beam

    from transforms.read_kafka import KafkaSource

Offsets = Mapping[int, int]
"""By partition."""

ROUND = 20_000_000
"""How many messages a bounded run reads between commits, where the runner commits at its end."""


class Interrupted(Failure):
    """A person has ended the run, or the system one that was to come to an end. Exit code 130."""

    exit_code = 130


def build(
    root: "beam.Pipeline",
    source: "KafkaSource",
    data: DataSet,
    tables: Mapping[str, StreamTable],
    first: Mapping[str, Offsets],
) -> None:
    """Lay out the whole flow; each quoted name is a box in the runner's graph."""
    import apache_beam as beam  # noqa: PLC0415  # Beam is loaded when there is work

    from transforms.check_messages import CheckMessages  # noqa: PLC0415
    from transforms.commit_offsets import CommitOffsets  # noqa: PLC0415
    from transforms.read_kafka import ReadKafka  # noqa: PLC0415
    from transforms.write_parts import WriteParts  # noqa: PLC0415

    checker, topic = MessageChecker(data), data.source.topic

    def write(table: str, schema: Any) -> WriteParts:
        named = {partition_name(topic, number): offset for number, offset in first[table].items()}
        return WriteParts(tables[table], schema, named)

    messages = root | "Read" >> ReadKafka(source)
    rows = messages | "Check" >> CheckMessages(data)
    events = rows.events | "Write events" >> write("events", checker.schema)
    refused = rows.quarantine | "Write quarantine" >> write("quarantine", checker.quarantine_schema)

    (events, refused) | "Parts" >> beam.Flatten() | "Commit" >> CommitOffsets(tables)


def ingest(call: Call) -> dict[str, Any]:
    """Read from where the tables end, to the end of the topic as it is now or until it is stopped.

    Run twice it commits every message once. Returns the account of this run, also of an endless one that SIGTERM
    has ended, for that is its end.
    """
    project, declared = load_data_set(call.config)
    data = declared.of_topic
    if data is None:
        raise UsageFailure(
            f"{call.config}: the rows of {declared.dataset} come from files; ingest them with: "
            f"python -m pipelines.ingest_batch --config {call.config}"
        )
    launcher = Launcher(call)
    forever = call.options.until == "forever"
    if forever and _commits_only_at_the_end(call):
        raise UsageFailure(
            "--until forever: this runner works through what is there and ends, so it would never commit; name a "
            "runner for endless streams in the place file (PrismRunner on one machine), or run --until now again and "
            "again"
        )
    MessageChecker(data)  # its schemas are some, and fit the contract
    folder = DataSetFolder(call.place.roots.lake, project.name, data.dataset)
    with at_work(folder.root), _ended_by_signals() as signals:
        if declared.of_files:
            _prove_handed_over(planner_of(project.data_sets[data.dataset], folder))
        topic = look_at(data.source.topic, call.place.kafka)
        tables = _tables(folder, data, contract_digest(declared))
        begin = _begin(topic, data, tables, call.place.kafka)
        if key := tables["events"].key:
            prove_fits(folder.events, key)
        before = open_table(tables["events"].root).version()
        lag = partial(_lag, data.source.topic, call.place.kafka, tables)
        try:
            with metrics_kept(project, call.place, data.dataset, lag):
                rounds = sum(1 for _ in _rounds(call, launcher, topic, begin, data, tables))
        except KeyboardInterrupt as ended:
            account = stream_account(tables["events"].root, before)
            if forever and signal.SIGTERM in signals:
                call.progress.step(_ended("stopped", account, call))
                return _summary(data, account)
            raise Interrupted(_ended("interrupted", account, call)) from ended
        account = stream_account(tables["events"].root, before)
    return {**_summary(data, account), "nothing_to_do": not rounds}


def _summary(data: DataSet, account: StreamAccount) -> dict[str, Any]:
    key = StreamKey.of(data)
    looked = key.told if key else NOT_LOOKED_FOR
    return {"data_set": data.dataset, "topic": data.source.topic, **account.as_info(), "duplicates": looked}


def _lag(topic: str, kafka: KafkaPlace, tables: Mapping[str, StreamTable]) -> dict[str, int]:
    """How many messages of each partition are not in every table, by its name."""
    ends = {partition_name(topic, number): found.end for number, found in look_at(topic, kafka).partitions.items()}
    tokens = [table.tokens(ends) for table in tables.values()]
    return {name: max(end - min(token[name] for token in tokens), 0) for name, end in ends.items()}


def _prove_handed_over(planner: Planner) -> None:
    """A topic follows the files: all that are there must be in the tables first."""
    plan = planner.open_plan()
    new = None if plan else planner.new_files()
    if plan or (new and (new.complete or new.growing)):
        what = f"plan {plan.number} is open" if plan else f"{planner.pattern} has files that are in no plan"
        raise Conflict(
            f"{planner.config}: {what}, and the topic goes on where the files end; ingest them first: "
            f"python -m pipelines.ingest_batch --config {planner.config}"
        )


def _begin(topic: Topic, data: DataSet, tables: Mapping[str, StreamTable], kafka: KafkaPlace) -> Begin | None:
    """Where files hand over to the topic; None where there are no files, or they say nothing.

    A time is looked up once: from then on the tokens of the table that was begun first tell what it meant.
    """
    match data.source.from_:
        case None:
            return None
        case dt.datetime() as time:
            stored = next((found for table in tables.values() if (found := table.stored(topic)).identity), None)
            known = {n: token for n, token in stored.partitions.items() if token is not None} if stored else {}
            return Begin(time.isoformat(), known if stored else offsets_at(topic, time, kafka))
        case offsets:
            return Begin(json.dumps(offsets, sort_keys=True), offsets)


def _rounds(  # what a run is made of
    call: Call,
    launcher: Launcher,
    topic: Topic,
    begin: Begin | None,
    data: DataSet,
    tables: Mapping[str, StreamTable],
) -> Iterator[None]:
    """Work through the topic; a bounded run ends in rounds, so that a long backlog is committed in parts."""
    forever = call.options.until == "forever"
    while True:
        first = {
            name: table.begin(topic, begin, accept_loss=call.options.accept_loss) for name, table in tables.items()
        }
        at = {number: min(offsets[number] for offsets in first.values()) for number in topic.partitions}
        most = ROUND // len(at)
        stop = None if forever else {p: min(topic.partitions[p].end, offset + most) for p, offset in at.items()}
        if stop == at:
            return
        left = sum(stop[p] - at[p] for p in at) if stop else 0
        call.progress.step(
            f"topic {topic.name} of {data.dataset}", partitions=len(at), **({"offsets": left} if left else {})
        )
        source = partial(_source, topic, call.place.kafka, first, stop, tables)
        state = launcher.run(
            f"ingest {data.dataset}",
            left,
            lambda root, source=source, first=first: build(root, source(), data, tables, first),  # type: ignore[misc]
        )
        _prove_reached(topic, tables, stop, state)
        yield


def _tables(folder: DataSetFolder, data: DataSet, contract: str) -> dict[str, StreamTable]:
    """The tables of a topic, made where they are not there yet."""
    schemas = {"quarantine": quarantine_schema().append(KEY), "events": events_schema(data)}
    return {
        name: StreamTable(
            name=name,
            root=storage.absolute(root),  # a worker stands elsewhere
            prefix=stream_prefix(data.dataset, create_table(root, schemas[name])),
            topic=data.source.topic,
            contract=contract,
            lateness=data.lateness if data.time else None,
            stop_if=data.contract.stop_if.quarantined_share,
            key=StreamKey.of(data) if name == "events" else None,
            takes="accepted" if name == "events" else "quarantined",
        )
        for name, root in folder.committed.items()
    }


def _source(
    topic: Topic,
    kafka: KafkaPlace,
    first: Mapping[str, Offsets],
    stop: Offsets | None,
    tables: Mapping[str, StreamTable],
) -> "KafkaSource":
    """Reading begins where the table that is furthest behind ends; no block reaches across the end of another."""
    from transforms.consumer_slot import Fetched  # noqa: PLC0415
    from transforms.read_kafka import KafkaSource  # noqa: PLC0415

    partitions = tuple(sorted(topic.partitions))
    return KafkaSource(
        what=Fetched(kafka.servers, tuple(sorted(kafka.options.items())), topic.name, partitions, len(partitions)),
        first={p: min(offsets[p] for offsets in first.values()) for p in partitions},
        stop=stop,
        cuts={p: tuple(offsets[p] for offsets in first.values()) for p in partitions},
        readers=kafka.readers,
        tables=tuple(tables.values()),
    )


def _prove_reached(topic: Topic, tables: Mapping[str, StreamTable], stop: Offsets | None, state: str) -> None:
    """The runner's word that it is done is not believed: every table must end where reading was to stop."""
    if stop is None:
        raise Failure(
            f"topic {topic.name}: the runner has ended (state {state}), and nobody told it to; what was committed "
            "stays, look into its log and run again"
        )
    for name, table in tables.items():
        wanted = {partition_name(topic.name, number): end for number, end in stop.items()}
        found = table.tokens(wanted)
        if lacking := [f"{file} {found[file]}..{end}" for file, end in wanted.items() if found[file] < end]:
            raise Failure(
                f"{name}: the runner has ended (state {state}), but offsets are missing ({', '.join(lacking)}): blocks "
                "were lost on the way. What was committed before them stays; run again and reading goes on there, and "
                "report it"
            )


def _ended(how: str, account: StreamAccount, call: Call) -> str:
    """What was committed, and the call that goes on; it accepts no loss, as nobody has looked at what is lost then."""
    place = ["--place", call.options.place] if call.options.place else []
    again = ["--config", call.config, *place, "--until", call.options.until, *call.passed_on]
    return (
        f"{how}; {account.read:,} messages were committed by this run ({account.accepted:,} accepted, "
        f"{account.quarantined:,} quarantined, {account.duplicate:,} duplicate) and stay; to go on after them, call it "
        "again: "
        f"python -m pipelines.ingest_stream {shlex.join(again)}"
    )


def _commits_only_at_the_end(call: Call) -> bool:
    if call.place.beam == BeamPlace() and not call.passed_on:
        return True
    from apache_beam.options.pipeline_options import StandardOptions  # noqa: PLC0415  # the launcher has loaded Beam

    from pipelines.options import proven_options  # noqa: PLC0415

    runner = proven_options(call).view_as(StandardOptions).runner.rpartition(".")[2]
    return runner in ("FnApiRunner", "DirectRunner", "SwitchingDirectRunner", "BundleBasedDirectRunner")


@contextmanager
def _ended_by_signals() -> Iterator[list[int]]:
    """Inside, SIGTERM is what Ctrl-C is, which counts also where a shell began it with `&`; gives what came."""
    came: list[int] = []

    def interrupt(number: int, _: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    before = {ended: signal.signal(ended, interrupt) for ended in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield came
    finally:
        for ended, handler in before.items():
            signal.signal(ended, handler)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--until",
        choices=("now", "forever"),
        default="now",
        help="now: to the end of the topic as it is when the run begins; forever: until it is stopped",
    )
    parser.add_argument(
        "--accept-loss",
        action="store_true",
        help="go on where the broker has deleted messages that were never read; the table's log keeps their offsets",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    return entry.run(
        ingest,
        argv,
        prog="python -m pipelines.ingest_stream",
        about=__doc__.splitlines()[0],
        options=_options,
        pass_on=True,
    )


if __name__ == "__main__":
    sys.exit(main())
