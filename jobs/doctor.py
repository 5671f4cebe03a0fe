"""Say whether Spark would find its Java and the Delta jars; what `headrace doctor` asks."""

import argparse
import sys
from collections.abc import Sequence

from headrace.failures import PlaceFailure
from headrace.progress import Progress
from jobs.cluster import jars, java


def look(progress: Progress) -> None:
    """Report one finding each for Java and the jars."""
    try:
        found = java.find_java()
        progress.step("java", ok=True, found=found, cure="")
    except PlaceFailure as failure:
        progress.step("java", ok=False, found=str(failure), cure=java.CURE)
    faults = jars.missing(jars.folder())
    told = "; ".join(faults) or f"both Delta jars in {jars.folder()}"
    progress.step("jars", ok=not faults, found=told, cure=jars.CURE)


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns 0, what was found is in the lines."""
    parser = argparse.ArgumentParser(prog="python -m jobs.doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="findings as JSON lines")
    progress = Progress(as_json=parser.parse_args(argv).json)
    look(progress)
    progress.done({})
    return 0


if __name__ == "__main__":
    sys.exit(main())
