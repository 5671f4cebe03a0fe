"""Run an entry point as a child process and follow its JSON lines.

A child keeps its memory and its crashes to itself: what it needs is gone when it
ends, and a segmentation fault there is a message here.
"""

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO, Any

from headrace.alarm import STEP

KEPT_LINES = 30

Event = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How a child ended."""

    exit_code: int
    seconds: float = 0.0
    summary: dict[str, Any] = field(default_factory=dict)
    message: str = ""  # why it failed; empty where it did not
    told: bool = False  # whether its last event says so too

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do."""
        return bool(self.summary.get("nothing_to_do"))


def run_child(module: str, arguments: Sequence[str], on_event: Callable[[Event], None], step: str = "") -> Outcome:
    """Run `python -m module` to its end; every event it reports is passed on as it comes, and SIGTERM to it."""
    command = [sys.executable, "-m", module, *arguments, "--json"]
    env = {**os.environ, STEP: step}
    with (
        TemporaryFile() as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=env) as child,  # noqa: S603  # our own module
        _passing_on(child),
    ):
        assert child.stdout is not None
        last: Event = {}
        try:
            for line in child.stdout:
                if event := _event(line):
                    last = event
                    on_event(event)
            child.wait()
        except KeyboardInterrupt:
            # The child got the signal too; let it end in its own way.
            child.wait()
            return Outcome(130, message="interrupted; what was committed stays, run again to go on")
        return _outcome(module, child.returncode, last, errors)


@contextmanager
def _passing_on(child: "subprocess.Popen[str]") -> Iterator[None]:
    """Inside, SIGTERM ends the child, in its own way, in place of leaving it alone."""
    before = signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _event(line: str) -> Event | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None  # an engine's own word on standard output
    return event if isinstance(event, dict) and "event" in event else None


def _outcome(module: str, code: int, last: Event, errors: IO[bytes]) -> Outcome:
    if code == 0 and last.get("event") == "done":
        return Outcome(0, last["seconds"], last["summary"])
    if last.get("event") == "failed" and last["exit_code"] != 1:
        return Outcome(last["exit_code"], message=last["message"], told=True)
    errors.seek(0)
    tail = deque((line.decode(errors="replace").rstrip() for line in errors), maxlen=KEPT_LINES)
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    return Outcome(code if code > 0 else 1, message="\n".join([f"{module} {how}. Its last words:", *tail]))
