"""Run steps one after another, each in its own process, and note how long each took."""

import time
from collections.abc import Sequence

from headrace.cli.children import Outcome, run_child
from headrace.cli.screen import Screen
from headrace.cli.steps import MODULES, Step
from headrace.failures import Failure
from headrace.report.step_times import note
from headrace.spec.place import Place
from headrace.spec.project import load_model


def run_steps(project: str, steps: Sequence[Step], place_file: str | None, place: Place, screen: Screen) -> int:
    """Run the steps in order until one fails; returns its exit code, or 0."""
    for step in steps:
        screen.begin(step)
        outcome = _report(step, place) if step.kind == "report" else _run(step, place_file, screen)
        screen.end(step, outcome)
        if outcome.exit_code:
            screen.accounts()
            return outcome.exit_code
        if not outcome.idle and step.kind != "report":
            note(place.roots.reports, project, step.name, outcome.seconds)
    screen.accounts()
    return 0


def _run(step: Step, place_file: str | None, screen: Screen) -> Outcome:
    arguments = ["--config", step.config, *(("--place", place_file) if place_file else ())]
    return run_child(MODULES[step.kind], arguments, lambda event: screen.event(step, event))


def _report(step: Step, place: Place) -> Outcome:
    from headrace.report.write import write_report  # noqa: PLC0415  # only this step pays for reading the tables

    began = time.monotonic()
    try:
        written = write_report(*load_model(step.config), place)
    except Failure as failure:
        return Outcome(failure.exit_code, message=str(failure))
    return Outcome(0, round(time.monotonic() - began, 1), dict(written))
