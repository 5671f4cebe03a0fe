"""What each command of `headrace` does; returns its exit code."""

import functools
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.table import Table

from headrace.cli.run_steps import run_steps
from headrace.cli.sample import MONTHS, parse_months, write_flights
from headrace.cli.screen import Screen, console
from headrace.cli.sound import prove_place, prove_sound
from headrace.cli.steps import INGEST, MODEL_STEPS, Step, starting_at, steps_of
from headrace.failures import Failure
from headrace.nearest import nearest
from headrace.progress import Progress
from headrace.spec.data_set import DataSet
from headrace.spec.faults import Fault, SpecError
from headrace.spec.place import Place
from headrace.spec.project import Located, Project, is_place, load_place, load_project
from headrace.spec.values import parse_duration


def answers[**P](command: Callable[P, int]) -> Callable[P, int]:
    """A command whose failures are messages and exit codes, or with `as_json` one last event."""

    @functools.wraps(command)
    def answered(*args: P.args, **kwargs: P.kwargs) -> int:
        as_json = bool(kwargs.get("as_json"))
        try:
            return command(*args, **kwargs)
        except Failure as failure:
            return _fail(str(failure), failure.exit_code, as_json=as_json)
        except KeyboardInterrupt:
            return _fail("interrupted", 130, as_json=as_json)

    return answered


def _fail(message: str, code: int, *, as_json: bool = False) -> int:
    Progress(as_json=as_json).failed(message, code)
    return code


@answers
def sample(name: str, to: Path, months: str | None) -> int:
    """Unpack a sample."""
    if name != "flights":
        return _fail(f"there is no sample {name!r}; known: flights", 2)
    if ":/" in str(to):
        return _fail(f"{to}: samples are written into a folder of this machine; copy them to the store from there", 2)
    try:
        span = parse_months(months) if months is not None else MONTHS
    except ValueError as fault:
        return _fail(f"--months {months}: {fault}", 2)
    for data_set, rows in write_flights(to, span).items():
        print(f"{data_set}: {rows:,} rows")
    return 0


@answers
def validate(paths: Sequence[Path]) -> int:
    """Check project and place files, all faults at once."""
    faults: list[Fault] = []
    for path in paths:
        try:
            print(f"{path}: {_checked(path)}: ok")
        except SpecError as error:
            faults += error.faults
    if faults:
        raise SpecError(faults)
    return 0


def _checked(path: Path) -> str:
    """What a path holds, once it holds together: a project, a file of one, a place, or a folder of places."""
    places = [path] if path.is_file() else sorted(path.glob("*.yaml"))
    if places and all(is_place(str(file)) for file in places):
        for file in places:
            load_place(str(file))
        return "place" if path.is_file() else f"{len(places)} places"
    project = _project(path)
    prove_sound(project, project.models)
    return f"{len(project.data_sets)} data sets, {len(project.models)} models of {project.folder}"


@answers
def schema(kind: str) -> int:
    """Print a JSON schema."""
    from headrace.spec.schema import SCHEMAS

    if kind not in SCHEMAS:
        return _fail(f"there is no kind {kind!r}; {nearest(kind, SCHEMAS)}", 2)
    print(json.dumps(SCHEMAS[kind](), indent=2))
    return 0


@answers
def doctor(place_file: str | None, *, as_json: bool) -> int:
    """Check the machine and place; exit code 4 where something is lacking."""
    from headrace.cli.doctor import findings

    found = findings(place_file)
    if as_json:
        print("\n".join(json.dumps(asdict(f)) for f in found))
    else:
        for finding in found:
            mark = "[green]✓[/]" if finding.ok else "[red]✗[/]"
            cure = "" if finding.ok else f"\n    cure: {finding.cure}"
            console().print(f"{mark} {finding.check}: {finding.found}{cure}", soft_wrap=True)
    return 0 if all(f.ok for f in found) else 4


@answers
def plan(config: Path, abandon: int | None, place_file: str | None, *, as_json: bool) -> int:
    """Show or abandon the open plan."""
    from headrace.cli.plan import abandon_plan, next_plan

    place = load_place(place_file)
    if abandon is not None:
        abandon_plan(str(config), place, abandon)
        if not as_json:
            print(f"plan {abandon} is abandoned; its files are free: headrace ingest {config}")
        return 0
    found = next_plan(str(config), place)
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        print("\n".join(found.lines()))
    return 0


@answers
def status(path: Path, place_file: str | None, *, as_json: bool) -> int:
    """Print the tables of a project."""
    from headrace.cli.status import status_of

    project, place = _project(path), load_place(place_file)
    tables = list(status_of(project, place, _only(project, path)))
    if as_json:
        for table in tables:
            print(json.dumps(asdict(table)))
        return 0
    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("table")
    for column in ("version", "rows", "files", "MB"):
        shown.add_column(column, justify="right")
    shown.add_column("")
    for table in tables:
        figures = (f"{table.version:,}", f"{table.rows:,}", f"{table.files:,}", f"{table.size / 1e6:,.1f}")
        shown.add_row(table.name, *figures, table.told())
    console().print(shown if tables else f"no tables of {project.name} under {place.roots.lake} yet")
    return 0


@answers
def history(path: Path, place_file: str | None, most: int, *, as_json: bool) -> int:
    """Print the newest commits of a project's tables."""
    from headrace.cli.history import history as events

    project, place = _project(path), load_place(place_file)
    for event in events(project, place, _only(project, path), most):
        if as_json:
            print(json.dumps(asdict(event)))
            continue
        notes = ", ".join(
            f"{k.replace('_', ' ')} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in event.notes.items()
        )
        console().print(f"{event.at}  {event.table} {event.version}: {event.what}  {notes}", soft_wrap=True)
    return 0


@answers
def upkeep(path: Path, place_file: str | None, retention: str, *, dry_run: bool, as_json: bool) -> int:
    """Put small files together, remove what nobody needs, write checkpoints."""
    from headrace.cli.upkeep import upkeep as kept

    try:
        older = parse_duration(retention)
    except ValueError as fault:
        return _fail(f"--older-than: {fault}", 2, as_json=as_json)
    if older < timedelta(hours=1) and os.environ.get("HEADRACE_FAULT_TESTS") != "1":
        return _fail("--older-than: an hour at least; what running steps write is younger", 2, as_json=as_json)
    project, place = _project(path), load_place(place_file)
    for table in kept(project, place, _only(project, path), older, dry_run=dry_run):
        if as_json:
            print(json.dumps(asdict(table)))
            continue
        together = f"{table.files} small files into {table.into}" if table.into else f"{table.files} small files"
        emptied = f", {table.emptied:,} rows without their raw bytes" if table.emptied else ""
        print(f"{table.table}: {together}{emptied}, {table.removed} files nobody needs, {table.bytes / 1e6:,.1f} MB")
    return 0


@answers
def reset(config: Path, place_file: str | None, *, yes: bool, as_json: bool) -> int:
    """Forget what was made of a data set or model, after asking."""
    from headrace.cli.reset import forget, would_forget

    project, place = _project(config), load_place(place_file)
    name = _only(project, config)
    if name is None:
        return _fail(
            f"{config}: name the file of one data set or model; a whole project is not reset", 2, as_json=as_json
        )
    found = would_forget(project, place, name)
    if not yes:
        rows = ", ".join(f"{table} {count:,} rows" for table, count in found.rows.items())
        sys.stderr.write(f"{found.folder} will be removed: {rows}. Type {name} to go on: ")
        sys.stderr.flush()
        if sys.stdin.readline().strip() != name:
            return _fail("nothing was removed", 2, as_json=as_json)
    forget(found)
    print(json.dumps(asdict(found)) if as_json else f"{found.folder} is removed; raw files and bundles stay")
    return 0


@answers
def metrics(path: Path, place_file: str | None, to: str | None) -> int:
    """Tell the state of the tables to Prometheus."""
    from headrace import storage
    from headrace.cli.metrics import exposition

    text = exposition(_project(path), load_place(place_file))
    if to is None:
        sys.stdout.write(text)
    else:
        storage.put(to, text.encode())
    return 0


@answers
def replay(config: Path, place_file: str | None, *, as_json: bool) -> int:
    """Check the quarantine of a data set again."""
    project, place = _project(config), load_place(place_file)
    found = next((data for data in project.data_sets.values() if Path(data.file) == config), None)
    if found is None:
        return _fail(f"{config}: name the file of one data set", 2, as_json=as_json)
    step = Step("replay", found.value.dataset, found.file)
    return run_steps(project.name, [step], place_file, place, Screen(as_json=as_json))


@answers
def quarantine(config: Path, place_file: str | None, reason: str | None, most: int, *, as_json: bool) -> int:
    """Print quarantined rows, by reason, as they came."""
    from headrace.cli.quarantine import reasons_of, rows_of

    place = load_place(place_file)
    if reason is None and not as_json:
        for name, (rows, meaning) in reasons_of(str(config), place).items():
            print(f"{rows:>9,}  {name}: {meaning}")
    for row in rows_of(str(config), place, reason, most):
        if as_json:
            print(json.dumps(asdict(row)))
            continue
        where = f"byte {row.offset}, plan {row.plan}" if row.plan is not None else f"offset {row.offset}"
        print(f"{row.file}, {where}: {', '.join(row.reasons)}")
        print(f"  {row.text}")
    return 0


def _only(project: Project, path: Path) -> str | None:
    """The data set or model whose file a path is; None where it is the project's folder."""
    return next((_named(located.value) for located in _files_of(project) if Path(located.file) == path), None)


def _files_of(project: Project) -> Sequence[Located[Any]]:
    return [*project.data_sets.values(), *project.models.values()]


def _named(value: Any) -> str:
    return str(value.dataset if isinstance(value, DataSet) else value.model)


@answers
def run(
    path: Path, place_file: str | None, only: Sequence[str], first: str | None, *, dry_run: bool, as_json: bool
) -> int:
    """Run a project's steps, or show them."""
    project, place = _project(path), load_place(place_file)
    only = [name.strip() for names in only for name in names.split(",")]
    every = steps_of(project)
    named = [name for name in (*only, first) if name is not None]
    known = {INGEST, *MODEL_STEPS, *(step.name for step in every)}
    if unknown := [name for name in named if name not in known and not any(step.is_called(name) for step in every)]:
        return _fail(f"there is no step {unknown[0]!r}; {nearest(unknown[0], known)}", 2, as_json=as_json)
    steps = _chosen(project, path, only, first)
    if not steps:
        kinds = f"a data set has {INGEST}, a model {', '.join(MODEL_STEPS)}"
        return _fail(f"{path}: no step of that kind here; {kinds}", 2, as_json=as_json)
    prove_sound(project, sorted({step.subject for step in steps if step.kind != INGEST}))
    if dry_run:
        return _show(steps, place, as_json=as_json)
    prove_place(project, steps, place_file)
    return run_steps(project.name, steps, place_file, place, Screen(as_json=as_json))


@answers
def watch(path: Path, place_file: str | None, pause: str, *, as_json: bool) -> int:
    """Ingest the files of one data set as they come, until SIGTERM or Ctrl-C."""
    try:
        parse_duration(pause)
    except ValueError as fault:
        return _fail(f"--watch: {fault}", 2, as_json=as_json)
    project, place = _project(path), load_place(place_file)
    steps = [step for step in _chosen(project, path, [INGEST], None) if not step.streams]
    if len(steps) != 1:
        cure = f"for each of them: headrace ingest {steps[0].config} --watch {pause}" if len(steps) > 1 else ""
        endless = "python -m pipelines.ingest_stream --until forever reads a topic"
        return _fail(f"{path}: --watch is for the files of one data set; {cure or endless}", 2, as_json=as_json)
    prove_place(project, steps, place_file)
    return run_steps(project.name, steps, place_file, place, Screen(as_json=as_json), ["--watch", pause])


def _chosen(project: Project, path: Path, only: Sequence[str], first: str | None) -> list[Step]:
    steps = [s for s in steps_of(project) if not only or any(map(s.is_called, only))]
    if path.is_file():
        steps = [s for s in steps if Path(s.config) == path]
    return starting_at(steps, first) if first else steps


def _show(steps: Sequence[Step], place: Place, *, as_json: bool) -> int:
    from headrace.cli.plan import next_plan

    for step in steps:
        waiting = next_plan(step.config, place) if step.kind == INGEST and not step.streams else None
        if as_json:
            print(json.dumps({"step": step.name, "config": step.config, "waiting": waiting and asdict(waiting)}))
            continue
        print(f"{step.name}  ({step.config})")
        for line in waiting.lines() if waiting else ():
            print(f"  {line}")
    return 0


def _project(path: Path) -> Project:
    """The project that a path is, or is a file of."""
    if not path.exists():
        near = [str(other) for other in path.parent.glob("*")] if path.parent.is_dir() else []
        raise SpecError([Fault(str(path), 0, "", f"there is no such file or folder; {nearest(str(path), near)}")])
    return load_project(str(path if path.is_dir() else path.parent))
