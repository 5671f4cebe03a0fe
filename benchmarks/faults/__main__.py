"""Kill runs at named points and at random moments: every row must be there once.

python -m benchmarks.faults [--kills N] [--json]
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.faults import files, streams

SCENARIOS = {
    "files": files.run,
    "bounded": streams.bounded,
    "endless": streams.endless,
    "copies": streams.copies,
}


def main() -> int:
    """Run the scenarios; exit code 0 where every one is exact."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="of each scenario")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=SCENARIOS, action="append", help="this scenario")
    parser.add_argument("--json", action="store_true")
    call = parser.parse_args()
    results = {}
    for name in call.only or SCENARIOS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="headrace-faults-") as folder:
            found = SCENARIOS[name](call.kills, call.seed, Path(folder))
        results[name] = {**found, "seconds": round(time.monotonic() - began, 1)}
        if not call.json:
            print(f"{name}: " + ", ".join(f"{k} {v}" for k, v in results[name].items()))
    if call.json:
        print(json.dumps({"seed": call.seed, "scenarios": results}, indent=1))
    return 0 if all(found["exact"] for found in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
