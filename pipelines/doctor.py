"""Look at what a place's `beam` and `kafka` need: options, binary, brokers; a line each, with the cure."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from headrace.entry import Call
from headrace.findings import Check, look, parser_of
from headrace.progress import Progress
from headrace.spec.place import BeamPlace, Place
from pipelines.launch import Launcher
from pipelines.topic import brokers_of


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    return look(parser_of("python -m pipelines.doctor", __doc__), argv, _checks)


def _checks(place: Place, _: argparse.Namespace, progress: Progress) -> Iterator[Check]:
    if place.beam != BeamPlace():
        yield Check("beam", lambda: _beam(place, progress))
    if place.kafka.servers:
        yield Check("kafka", lambda: brokers_of(place.kafka))


def _beam(place: Place, progress: Progress) -> str:
    Launcher(Call("", place, progress))
    return f"Beam takes the options of place {place.place}, runner {place.beam.runner}"


if __name__ == "__main__":
    sys.exit(main())
