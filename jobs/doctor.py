"""Look at what Spark needs here: Java, the Delta jars, slots for a barrier stage; a line each, with the cure."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence

from headrace.failures import Failure, PlaceFailure
from headrace.progress import Progress
from headrace.spec.place import Place
from headrace.spec.project import load_place
from jobs.cluster import jars, java
from jobs.cluster.preflight import preflight


def main(argv: Sequence[str] | None = None) -> int:
    """Report each finding as a step with `ok`, `found` and `cure`; exit code 4 where something is lacking."""
    parser = argparse.ArgumentParser(prog="python -m jobs.doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="findings as JSON lines")
    parser.add_argument("--place", metavar="FILE", help="where it runs; without it, here")
    parser.add_argument("--workers", type=int, default=1, help="that a model's training needs at once")
    call = parser.parse_args(argv)
    progress = Progress(as_json=call.json)
    try:
        place = load_place(call.place)
    except Failure as failure:
        progress.failed(str(failure), failure.exit_code)
        return failure.exit_code
    lacking = []
    for name, look, cure in _checks(place, call.workers):
        if "java" in lacking and name == "slots":
            continue  # nothing more can be known without it
        fault, found = _looked(look)
        progress.step(name, ok=not fault, found=fault or found, cure=cure if fault else "")
        lacking += [name] if fault else []
    progress.done({"lacking": lacking})
    return PlaceFailure.exit_code if lacking else 0


def _checks(place: Place, workers: int) -> Iterator[tuple[str, Callable[[], str], str]]:
    yield "java", java.find_java, java.CURE
    yield "jars", _jars, "scripts/setup"
    yield "slots", lambda: _slots(place, workers), "see the message"


def _looked(look: Callable[[], str]) -> tuple[str, str]:
    """What is lacking, and what was found."""
    try:
        return "", look()
    except PlaceFailure as fault:
        return str(fault), ""


def _jars() -> str:
    folder = jars.folder()
    if faults := jars.missing(folder):
        raise PlaceFailure("; ".join(faults))
    return f"both Delta jars in {folder}"


def _slots(place: Place, workers: int) -> str:
    preflight(place, workers=workers)
    return f"Spark at {place.spark.master}, {workers} workers at once fit"


if __name__ == "__main__":
    sys.exit(main())
