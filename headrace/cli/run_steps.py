"""Run steps one after another, each in its own process, and note how long each took."""

from collections.abc import Sequence
from functools import partial

from headrace.alarm import raise_alarm
from headrace.cli.children import run_child
from headrace.cli.screen import Screen
from headrace.cli.steps import Step
from headrace.report.step_times import note
from headrace.spec.place import Place


def run_steps(
    project: str, steps: Sequence[Step], place_file: str | None, place: Place, screen: Screen, more: Sequence[str] = ()
) -> int:
    """Run the steps in order until one fails, each with these options more; returns its exit code, or 0."""
    for step in steps:
        screen.begin(step)
        arguments = ["--config", step.config, *(("--place", place_file) if place_file else ()), *more]
        outcome = run_child(step.module, arguments, partial(screen.event, step), step.name)
        screen.end(step, outcome)
        if outcome.exit_code:
            raise_alarm(place.on_alarm, step.name, step.config, outcome.exit_code, outcome.message)
            screen.accounts()
            return outcome.exit_code
        if not outcome.idle and step.kind != "report":  # a report tells of the others
            note(place.roots.reports, project, step.name, outcome.seconds)
    screen.accounts()
    return 0
