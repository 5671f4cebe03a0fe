"""How every pipeline and job is called: the same options, progress, messages and exit codes."""

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.alarm import INTERRUPTED, STEP, raise_alarm
from headrace.failures import Failure, refused
from headrace.progress import Progress
from headrace.spec.place import Place
from headrace.spec.project import load_place

OWN_OPTIONS = ("--config", "--place", "--json")
"""What every entry point has."""


@dataclass(frozen=True)
class Call:
    """One call of an entry point: its project file, its place, and what is its own."""

    config: str
    place: Place
    progress: Progress
    options: argparse.Namespace = field(default_factory=argparse.Namespace)
    passed_on: Sequence[str] = ()  # options that are somebody else's, e.g. Beam's


Flow = Callable[[Call], Mapping[str, Any]]


def run(
    flow: Flow,
    argv: Sequence[str] | None,
    *,
    prog: str,
    about: str,
    options: Callable[[argparse.ArgumentParser], None] | None = None,
    pass_on: bool = False,
) -> int:
    """Parse the call, run the flow, report its summary; returns the exit code.

    0 ok, 2 usage or project files, 3 data, 4 place, 6 conflict, 130 interrupted, 1 a
    fault of ours, with its trace.
    """
    # Half a name of ours may be somebody else's whole one.
    parser = argparse.ArgumentParser(prog=prog, description=about, allow_abbrev=False)
    parser.add_argument("--config", required=True, metavar="FILE", help="the data-set or model file")
    parser.add_argument("--place", metavar="FILE", help="where it runs; without it, here")
    parser.add_argument("--json", action="store_true", help="progress and summary as JSON lines")
    if options:
        options(parser)
    known, unknown = parser.parse_known_args(argv)
    if unknown and not pass_on:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    progress, place = Progress(as_json=known.json), Place()
    try:
        place = load_place(known.place)
        progress.done(dict(flow(Call(known.config, place, progress, known, unknown))))
    except KeyboardInterrupt:
        message, exit_code = "interrupted; what was committed stays, run again to go on", INTERRUPTED
    except Exception as fault:  # noqa: BLE001  # the last net: say it, and end with its code
        message, exit_code = _told(fault)
    else:
        return 0
    progress.failed(message, exit_code)
    if STEP not in os.environ:  # else who called raises it
        raise_alarm(place.on_alarm, prog.removeprefix("python -m "), known.config, exit_code, message)
    return exit_code


def _told(fault: Exception) -> tuple[str, int]:
    """What is said of a failure, and its exit code; of a fault of ours the trace as well."""
    failure = refused(fault) if isinstance(fault, OSError) else fault
    if isinstance(failure, Failure):
        return str(failure), failure.exit_code
    traceback.print_exception(fault, file=sys.stderr)
    return f"{type(fault).__name__}: {fault}", 1
