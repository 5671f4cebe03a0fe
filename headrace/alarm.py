"""Tell somebody that a step has failed: the place's own command, with what happened on its standard input."""

import json
import subprocess
import sys
import tempfile

from headrace.printable import printable

STEP = "HEADRACE_STEP"
"""The variable by which `headrace` tells an entry point which of its steps it does: then it raises the alarm itself."""

INTERRUPTED = 130
"""The exit code of a step that somebody has ended, who knows."""

_PATIENCE = 60  # seconds


def raise_alarm(command: str, step: str, config: str, exit_code: int, message: str) -> None:
    """Run the command in a shell, where there is one and nobody has interrupted the step.

    What goes wrong with it is said, and changes nothing of the run. Its input is one JSON
    object: `step` (without `headrace` the entry point), `config`, `exit_code`, `message`.
    """
    if not command or exit_code == INTERRUPTED:
        return
    told = {"step": step, "config": config, "exit_code": exit_code, "message": message}
    with tempfile.TemporaryFile() as said:  # a file, for a child in the background would keep a pipe open
        try:
            ended = subprocess.run(  # noqa: S602  # the place file is the user's own, and a shell is what it asks for
                command,
                shell=True,
                input=json.dumps(told).encode(),
                stdout=subprocess.DEVNULL,
                stderr=said,
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            sys.stderr.write(f"on_alarm: the command did not end within {_PATIENCE} s\n")
            return
        if ended.returncode:
            said.seek(0)
            why = printable(said.read().decode(errors="replace").strip()[-500:])
            sys.stderr.write(f"on_alarm: the command ended with {ended.returncode}: {why}\n")
