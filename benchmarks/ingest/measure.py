"""One contender, once, in a process of its own and on one core; prints a JSON line.

python -m benchmarks.ingest.measure whole FOLDER
"""

import importlib
import json
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa


def measure(contender: str, raw: Path) -> dict[str, float]:
    """Rows, seconds on the clock and on the processor, without the time imports take."""
    one_core()
    logging.disable(logging.WARNING)  # Beam's greetings
    ingest = importlib.import_module(f"benchmarks.ingest.{contender}").ingest
    with tempfile.TemporaryDirectory(prefix="headrace-benchmark-") as out:
        clock, processor = time.perf_counter(), time.process_time()
        rows = ingest(raw, Path(out))
        return {
            "rows": rows,
            "seconds": time.perf_counter() - clock,
            "cpu_seconds": time.process_time() - processor,
        }


def one_core() -> None:
    """Hold every thread of this process to one core, and Arrow to one thread."""
    if hasattr(os, "sched_setaffinity"):  # Linux
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))
