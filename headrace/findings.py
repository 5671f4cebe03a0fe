"""What the entry points do that look at a machine or a place: one finding after the other, each with its cure."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from headrace.failures import Failure, PlaceFailure, UsageFailure
from headrace.progress import Progress
from headrace.spec.place import Place
from headrace.spec.project import load_place


class Check(NamedTuple):
    """One look, which says what it found or raises what is lacking."""

    name: str
    look: Callable[[], str]
    cure: str = "see the message"
    needs: str = ""  # the check without which nothing can be known


def parser_of(prog: str, about: str | None) -> argparse.ArgumentParser:
    """The arguments that all of them take."""
    parser = argparse.ArgumentParser(prog=prog, description=about)
    parser.add_argument("--json", action="store_true", help="findings as JSON lines")
    parser.add_argument("--place", metavar="FILE", help="where it runs; without it, here")
    return parser


def look(
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    checks: Callable[[Place, argparse.Namespace, Progress], Iterable[Check]],
) -> int:
    """Report each finding as a step with `ok`, `found` and `cure`; exit code 4 where something is lacking."""
    call = parser.parse_args(argv)
    progress = Progress(as_json=call.json)
    try:
        place = load_place(call.place)
    except Failure as failure:
        progress.failed(str(failure), failure.exit_code)
        return failure.exit_code
    lacking: list[str] = []
    for check in checks(place, call, progress):
        if check.needs in lacking:
            continue
        fault, found = _looked(check.look)
        progress.step(check.name, ok=not fault, found=fault or found, cure=check.cure if fault else "")
        lacking += [check.name] if fault else []
    progress.done({"lacking": lacking})
    return PlaceFailure.exit_code if lacking else 0


def _looked(at: Callable[[], str]) -> tuple[str, str]:
    """What is lacking, and what was found."""
    try:
        return "", at()
    except (PlaceFailure, UsageFailure) as fault:
        return str(fault), ""
