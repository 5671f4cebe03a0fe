"""Tell somebody that a step has failed: the place's own command, with what happened on its standard input."""

import json
import subprocess
import sys
import tempfile

from headrace.cli.children import Outcome
from headrace.cli.steps import Step
from headrace.printable import printable

_PATIENCE = 60  # seconds


def raise_alarm(command: str, step: Step, outcome: Outcome) -> None:
    """Run the command in a shell; what goes wrong with it is said, and changes nothing of the run.

    Its input is one JSON object: `step`, `config`, `exit_code`, `message`.
    """
    told = {
        "step": step.name,
        "config": step.config,
        "exit_code": outcome.exit_code,
        "message": outcome.message,
    }
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
