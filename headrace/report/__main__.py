"""How things stand with a model → one HTML page, and the same as JSON.

python -m headrace.report --config conf/flights/late.yaml [--place FILE]
"""

import sys
from collections.abc import Sequence
from typing import Any

from headrace import entry
from headrace.entry import Call
from headrace.report.write import write_report
from headrace.spec.project import load_model


def report(call: Call) -> dict[str, Any]:
    """Bring the report up to date; where nothing has changed there is nothing to do."""
    return write_report(*load_model(call.config), call.place)


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    return entry.run(report, argv, prog="python -m headrace.report", about=__doc__.splitlines()[0])


if __name__ == "__main__":
    sys.exit(main())
