"""Look at what Spark needs on this machine: Java and the Delta jars; a line each, with the cure."""

import argparse
import sys
from collections.abc import Sequence

from headrace.failures import PlaceFailure
from headrace.progress import Progress
from jobs.cluster import jars, java


def main(argv: Sequence[str] | None = None) -> int:
    """Report each finding as a step with `ok`, `found` and `cure`; exit code 4 where something is lacking."""
    parser = argparse.ArgumentParser(prog="python -m jobs.doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="findings as JSON lines")
    progress = Progress(as_json=parser.parse_args(argv).json)
    findings = (_java(), _jars())
    for name, fault, found, cure in findings:
        progress.step(name, ok=not fault, found=fault or found, cure=cure if fault else "")
    lacking = [name for name, fault, _, _ in findings if fault]
    progress.done({"lacking": lacking})
    return PlaceFailure.exit_code if lacking else 0


def _java() -> tuple[str, str, str, str]:
    try:
        return "java", "", java.find_java(), java.CURE
    except PlaceFailure as fault:
        return "java", str(fault), "", java.CURE


def _jars() -> tuple[str, str, str, str]:
    place = jars.folder()
    return "jars", "; ".join(jars.missing(place)), f"both Delta jars in {place}", "python -m jobs.cluster.jars"


if __name__ == "__main__":
    sys.exit(main())
