"""How a run is going, for the line that people watch.

Rows are counted where they are worked on, which is this process only on some runners;
of the others the state of the job is all that is said. No decision rests on it.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from headrace.progress import Progress

_IDLE = 60.0  # seconds between lines that tell nothing new
_lock = threading.Lock()
_rows = 0
_work = 0


def count(rows: int, work: int) -> None:
    """Add what one block held: its rows, and its part of the work in the unit that `shown` is given."""
    global _rows, _work  # noqa: PLW0603  # one pace per process is the meaning
    with _lock:
        _rows += rows
        _work += work


@dataclass
class Watched:
    """What is being watched: `job` is the runner's result, once it has taken the pipeline and has not ended it."""

    job: Any = None

    def state(self) -> str:
        """The state as the runner last told it; nothing where it cannot be asked."""
        with suppress(Exception):  # a job service that does not answer is the run's own failure, told there
            return str(self.job.state).lower() if self.job else ""
        return ""


@contextmanager
def shown(progress: Progress, step: str, work: int, every: float = 2.0) -> Iterator[Watched]:
    """Report while the block runs, every few seconds in which rows were counted, else every minute.

    A line tells the rows, how many a second came since the line before, and the share of the
    work done. Where `work` is 0 its amount is not known, and there is no share. As long as
    nothing was counted here, the state of the job is told whenever it changes.
    """
    began, rows_before, work_before = time.monotonic(), _rows, _work
    watched, ended = Watched(), threading.Event()

    def report() -> None:
        told, last, at = "", 0, began
        while not ended.wait(every):
            rows, now = _rows - rows_before, time.monotonic()
            if rows > last or (rows and now - at >= _IDLE):
                rate = round((rows - last) / (now - at))
                last, at = rows, now
                share = {"done": f"{(_work - work_before) / work:.0%}"} if work else {}
                progress.step(step, rows=rows, rows_per_second=rate, **share)
            elif not rows and (state := watched.state()) not in ("", told):
                progress.step(step, job=state)
                told = state

    watcher = threading.Thread(target=report, daemon=True)
    watcher.start()
    try:
        yield watched
    finally:
        ended.set()
        watcher.join()
