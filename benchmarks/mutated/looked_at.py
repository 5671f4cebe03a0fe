"""Look at mutated files one after another, in a process of its own: a crash of a library is told as one.

python -m benchmarks.mutated.looked_at PROJECT: a JSON line for each file of it.
"""

import glob
import json
import signal
import sys
import time

from benchmarks.mutated.files import alone
from headrace.rows.check import Checker
from headrace.spec.project import load_data_set

LONGEST = 10  # seconds, of one file


def main() -> None:
    """Ends at once with the file at which anything went wrong."""
    _, data = load_data_set(sys.argv[1])
    checker = Checker(data)
    for path in sorted(glob.glob(data.source.path)):  # noqa: PTH207  # as text, as they are delivered
        signal.alarm(LONGEST)  # ends the process
        began = time.monotonic()
        found = alone(path, data, checker)
        signal.alarm(0)
        print(json.dumps({"path": path, **found._asdict(), "seconds": time.monotonic() - began}), flush=True)


if __name__ == "__main__":
    main()
