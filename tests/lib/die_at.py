"""Run batch ingest and kill this very process, for real, at a named point.

python die_at.py POINT NTH CONFIG: SIGKILL right after the NTH time the point is
passed. The point `never` kills nobody.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import headrace.lake.settle as settling
import transforms.settle
from headrace.lake.data_files import DataFileWriter
from headrace.lake.plans import PlanFolder
from pipelines import ingest_batch

POINTS: dict[str, tuple[Any, str]] = {
    "sealed": (PlanFolder, "seal"),
    "file": (DataFileWriter, "close"),
    "commit": (settling, "commit_once"),
    "settled": (transforms.settle, "settle"),
    "accounted": (ingest_batch, "catch_up"),
}


def dying_after(call: Callable[..., Any], nth: int) -> Callable[..., Any]:
    passed = 0

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal passed
        result = call(*args, **kwargs)
        passed += 1
        if passed == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped


if __name__ == "__main__":
    point, nth, config = sys.argv[1:]
    if point != "never":
        owner, name = POINTS[point]
        setattr(owner, name, dying_after(getattr(owner, name), int(nth)))
    sys.exit(ingest_batch.main(["--config", config, "--json"]))
