"""Look at what Spark needs here: Java, the Delta jars, slots for a barrier stage; a line each, with the cure."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from headrace.failures import PlaceFailure
from headrace.findings import Check, look, parser_of
from headrace.progress import Progress
from headrace.spec.place import Place
from jobs.cluster import jars, java
from jobs.cluster.preflight import preflight


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = parser_of("python -m jobs.doctor", __doc__)
    parser.add_argument("--workers", type=int, default=1, help="that a model's training needs at once")
    return look(parser, argv, _checks)


def _checks(place: Place, call: argparse.Namespace, _: Progress) -> Iterator[Check]:
    yield Check("java", java.find_java, java.CURE)
    yield Check("jars", _jars, "scripts/setup")
    yield Check("slots", lambda: _slots(place, call.workers), needs="java")


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
