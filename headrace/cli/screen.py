"""What a person sees while steps run and when they have ended."""

import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from headrace.cli.children import Event, Outcome
from headrace.cli.steps import Step
from headrace.printable import printable

_ACCOUNT = ("read", "accepted", "quarantined", "duplicate")
_KEYS = {
    "ingest": _ACCOUNT,
    "features": ("due", "waiting", "catch_up", "never_due"),
    "examples": ("train", "valid", "test", "unlabeled", "known_late"),
    "train": ("rounds", "valid_logloss", "bundle"),
    "evaluate": ("valid_auc", "test_auc", "threshold"),
    "score": ("rows", "bundle"),
    "report": ("html",),
    "replay": ("read", "accepted", "duplicate", "quarantined"),
}
"""Which figures of a step's summary the table shows; all of them are in `--json`."""


_PIPE_WIDTH = 200  # columns where nobody's terminal sets a width


def console(*, stderr: bool = False) -> Console:
    """Standard output or error for people; a pipe or file gets whole lines, however long."""
    found = Console(stderr=stderr, highlight=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=_PIPE_WIDTH)


class Screen:
    """Progress and a summary: a live line on a terminal, plain lines elsewhere, JSON lines with `as_json`."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._console = console(stderr=as_json)
        self._live = self._console.status("") if self._console.is_terminal and not as_json else None
        self._rows: list[tuple[Step, Outcome]] = []

    def begin(self, step: Step) -> None:
        """A step starts."""
        if self._live:
            self._live.start()
            self._live.update(step.name)
        else:
            self.print(f"{step.name} …")

    def event(self, step: Step, event: Event) -> None:
        """A step says how far it is."""
        if self._json:
            self._print_json({**event, "of": step.name})
        elif event["event"] == "step":
            text = _said(event)
            if self._live:
                self._live.update(f"{step.name}: {text}")
            else:
                self.print(f"  {text}")

    def end(self, step: Step, outcome: Outcome) -> None:
        """A step has ended."""
        self._rows.append((step, outcome))
        if self._live:
            self._live.stop()
        if outcome.exit_code:
            self._failed(step, outcome)
        elif not self._json:
            said = "nothing to do" if outcome.idle else _figures(step, outcome)
            self.print(f"[green]✓[/] {step.name:<18} {outcome.seconds:>6.1f} s  {said}")

    def _failed(self, step: Step, outcome: Outcome) -> None:
        """Why it ended: on standard error, or as an event unless the step has told it itself."""
        sys.stdout.flush()
        if not self._json:
            console(stderr=True).print(
                f"[red]✗[/] {step.name}: {_plain(printable(outcome.message, lines=True))}", soft_wrap=True
            )
        elif not outcome.told:
            event = {"event": "failed", "exit_code": outcome.exit_code, "message": outcome.message, "of": step.name}
            self._print_json(event)

    def accounts(self) -> None:
        """The closing table: the account of every data set that was ingested."""
        ingested = [(s, o) for s, o in self._rows if s.kind == "ingest" and not o.exit_code and not o.idle]
        if self._json or not ingested:
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("account")
        for column in ("read", "= accepted", "+ quarantined", "+ duplicate"):
            table.add_column(column, justify="right")
        replaced = any(outcome.summary["replaced"] for _, outcome in ingested)
        if replaced:
            table.add_column("replaced", justify="right")
        table.add_column("reasons")
        for step, outcome in ingested:
            figures = [f"{outcome.summary[k]:,}" for k in (*_ACCOUNT, *(("replaced",) if replaced else ()))]
            reasons = ", ".join(f"{k} {v:,}" for k, v in outcome.summary["reasons"].items())
            table.add_row(step.what, *figures, reasons)
        self._console.print()
        self._console.print(table)
        for step, outcome in ingested:
            if refused := outcome.summary.get("refused"):
                self._console.print(
                    f"[red]![/] {step.subject}: {refused:,} of {outcome.summary['files']:,} files could not be read "
                    "whole; what is lacking stands in quarantine, a row for each file or part: "
                    f"headrace quarantine {step.config}",
                    soft_wrap=True,
                )
        looked = {step.what: outcome.summary["duplicates"] for step, outcome in ingested}
        if len(told := set(looked.values())) == 1:
            self.print(f"duplicates: {told.pop()}")
        else:
            self._console.print("\n".join(f"duplicates of {what}: {told}" for what, told in looked.items()))

    def print(self, text: str) -> None:
        """One line for people."""
        if not self._json:
            self._console.print(text, soft_wrap=True)

    def _print_json(self, value: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(value, default=str) + "\n")
        sys.stdout.flush()


def _figures(step: Step, outcome: Outcome) -> str:
    keys = (*_KEYS.get(step.kind, ()), *(("replaced",) if outcome.summary.get("replaced") else ()))
    shown = ((k, outcome.summary.get(k)) for k in keys)
    return ", ".join(f"{k.replace('_', ' ')} {_figure(v)}" for k, v in shown if v is not None)


def _said(event: Event) -> str:
    figures = {k: v for k, v in event.items() if k not in ("event", "step")}
    return ", ".join([event["step"], *(f"{k.replace('_', ' ')} {_figure(v)}" for k, v in figures.items())])


def _figure(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else _plain(str(value))


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
