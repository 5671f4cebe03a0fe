"""What a run tells while it works: lines for people, or JSON lines for the process that started it."""

import json
import sys
import time
from typing import Any, TextIO

from headrace.printable import printable


class Progress:
    """Reports steps and their figures to one stream, each as one line.

    With `as_json` a line is an object with `event` (`step`, `done`, `failed`), else it is
    text. Figures are plain values; their names say their unit where it is not a count.
    """

    def __init__(self, *, as_json: bool = False, stream: TextIO | None = None) -> None:
        self._json = as_json
        self._stream = stream or sys.stdout
        self._start = time.monotonic()

    def step(self, name: str, **figures: Any) -> None:
        """Say what is being done, and how far it is."""
        self._line({"event": "step", "step": name, **figures}, f"{name}{_text(figures)}")

    def done(self, summary: dict[str, Any]) -> None:
        """Say what came of it; the last line of a run that ended well."""
        seconds = round(time.monotonic() - self._start, 1)
        self._line({"event": "done", "seconds": seconds, "summary": summary}, f"done in {seconds} s{_text(summary)}")

    def failed(self, message: str, exit_code: int) -> None:
        """Say why it ended; the last line of a run that failed."""
        if self._json:
            self._line({"event": "failed", "exit_code": exit_code, "message": message}, "")
        else:
            sys.stderr.write(f"error: {printable(message, lines=True)}\n")

    def _line(self, event: dict[str, Any], text: str) -> None:
        self._stream.write((json.dumps(event, default=str) if self._json else text) + "\n")
        self._stream.flush()


def _text(figures: dict[str, Any]) -> str:
    shown = ", ".join(
        f"{k.replace('_', ' ')} {_figure(v)}" for k, v in figures.items() if not isinstance(v, dict | list)
    )
    return f": {shown}" if shown else ""


def _figure(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
