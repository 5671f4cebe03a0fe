"""Stream ingest without the lock of the data set: `python -m benchmarks.faults.unlocked --config …`."""

import sys
from contextlib import nullcontext

from pipelines import ingest_stream

if __name__ == "__main__":
    ingest_stream.at_work = lambda _: nullcontext()  # type: ignore[assignment,misc]
    sys.exit(ingest_stream.main())
