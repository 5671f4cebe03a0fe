"""How fast the workers of this process are going, for the line that people watch.

Only what runs in the driver's own process shows here; a cluster's runner has its own
console. No decision rests on these figures.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from headrace.progress import Progress

_lock = threading.Lock()
_rows = 0
_work = 0


def count(rows: int, work: int) -> None:
    """Add what one block held: its rows, and its part of the work in the unit that `shown` is given."""
    global _rows, _work  # noqa: PLW0603  # one pace per process is the meaning
    with _lock:
        _rows += rows
        _work += work


@contextmanager
def shown(progress: Progress, step: str, work: int, every: float = 2.0) -> Iterator[None]:
    """Report rows, rows/s and the share of the work done every few seconds while the block runs."""
    began, rows_before, work_before = time.monotonic(), _rows, _work
    ended = threading.Event()

    def report() -> None:
        while not ended.wait(every):
            rows, share = _rows - rows_before, (_work - work_before) / max(work, 1)
            rate = round(rows / (time.monotonic() - began))
            progress.step(step, rows=rows, rows_per_second=rate, done=f"{share:.0%}")

    watcher = threading.Thread(target=report, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
