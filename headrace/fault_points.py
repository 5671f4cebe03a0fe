"""Places where a fault test can kill this process, for real.

`HEADRACE_DIE_AT=<point>[:n]` ends it by SIGKILL when the point is passed the n-th time,
with its whole process group where it leads one; `HEADRACE_STOP_AT` stops it there by
SIGSTOP, until somebody lets it go on. Nothing happens unless
`HEADRACE_FAULT_TESTS=1` says that this is a fault test.
"""

import itertools
import os
import signal
from collections import defaultdict
from collections.abc import Iterator

from headrace.failures import UsageFailure

POINTS = {
    "sealed": "a plan or replay is sealed, nothing of it is done",
    "file": "a data file is finished, no commit names it",
    "commit": "everything is ready, nothing is committed",
    "committed": "one table is committed, this process does not know it yet",
    "tables": "between the commits of the two tables",
    "accounted": "the accounts table is written, the run has not said so",
    "compaction": "small files are put together, no commit names them",
    "retention": "bytes of quarantine are taken out, no commit names the files",
    "checkpoint": "a checkpoint of a table's log is about to be written",
}
"""What has just happened at each point."""

_passed: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))


def reached(point: str) -> None:
    """Die or stop here, where a fault test asks for it; else nothing.

    Raises:
        UsageFailure: the environment names a point that there is not.
    """
    for variable, send in _SIGNALS.items():
        if wanted := os.environ.get(variable):
            _obey(variable, wanted, point, send)


_SIGNALS = {"HEADRACE_DIE_AT": signal.SIGKILL, "HEADRACE_STOP_AT": signal.SIGSTOP}


def _obey(variable: str, wanted: str, point: str, send: signal.Signals) -> None:
    if os.environ.get("HEADRACE_FAULT_TESTS") != "1":
        return
    name, _, nth = wanted.partition(":")
    if name not in POINTS:
        raise UsageFailure(f"{variable}={wanted}: there is no point {name}; there are {', '.join(POINTS)}")
    if name == point and next(_passed[point]) == int(nth or 1):
        if os.getpgrp() == os.getpid():
            os.killpg(0, send)
        else:
            os.kill(os.getpid(), send)
