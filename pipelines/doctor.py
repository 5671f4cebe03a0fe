"""Look at what a place's `beam` and `kafka` need: options, binary, brokers; a line each, with the cure."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence

from headrace.entry import Call, Usage
from headrace.failures import Failure, PlaceFailure
from headrace.progress import Progress
from headrace.spec.place import BeamPlace, Place
from headrace.spec.project import load_place
from pipelines.launch import Launcher
from pipelines.topic import brokers_of


def main(argv: Sequence[str] | None = None) -> int:
    """Report each finding as a step with `ok`, `found` and `cure`; exit code 4 where something is lacking."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="findings as JSON lines")
    parser.add_argument("--place", metavar="FILE", help="where it runs; without it, here")
    call = parser.parse_args(argv)
    progress = Progress(as_json=call.json)
    try:
        place = load_place(call.place)
    except Failure as failure:
        progress.failed(str(failure), failure.exit_code)
        return failure.exit_code
    lacking = []
    for name, look in _checks(place, progress):
        fault, found = _looked(look)
        progress.step(name, ok=not fault, found=fault or found, cure="see the message" if fault else "")
        lacking += [name] if fault else []
    progress.done({"lacking": lacking})
    return PlaceFailure.exit_code if lacking else 0


def _checks(place: Place, progress: Progress) -> Iterator[tuple[str, Callable[[], str]]]:
    if place.beam != BeamPlace():
        yield "beam", lambda: _beam(place, progress)
    if place.kafka.servers:
        yield "kafka", lambda: brokers_of(place.kafka)


def _beam(place: Place, progress: Progress) -> str:
    Launcher(Call("", place, progress))
    return f"Beam takes the options of place {place.place}, runner {place.beam.runner}"


def _looked(look: Callable[[], str]) -> tuple[str, str]:
    """What is lacking, and what was found."""
    try:
        return "", look()
    except (PlaceFailure, Usage) as fault:
        return str(fault), ""


if __name__ == "__main__":
    sys.exit(main())
