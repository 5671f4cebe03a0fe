"""What happened to a project's tables, commit by commit."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headrace.cli.upkeep import tables
from headrace.lake.commit import INFO
from headrace.lake.rewrite import REWRITTEN
from headrace.lake.tables import open_table
from headrace.spec.place import Place
from headrace.spec.project import Project

_TOLD = ("read", "accepted", "quarantined", "duplicate", "replaced", "late", "due", "waiting", "catch_up", "never_due")
_ALWAYS = ("read", "accepted", "quarantined", "duplicate")  # also where there were none


@dataclass(frozen=True)
class Event:
    """One commit of one table."""

    at: str  # ISO 8601, UTC
    table: str  # <data set or model>/<table>
    version: int
    what: str  # in plain words; of what others did, as Delta calls it
    notes: dict[str, Any]  # what the commit says of itself


def history(project: Project, place: Place, only: str | None, most: int) -> Iterator[Event]:
    """The newest commits of the tables of a project, or of one data set or model of it, newest first."""
    found = [
        _event(table.name, entry)
        for table in tables(project, place, only)
        for entry in open_table(table.root).history(most)
    ]
    yield from sorted(found, key=lambda event: (event.at, event.table, event.version), reverse=True)[:most]


_WORDS = {
    "create table errorifexists": "table made",
    "add column": "column added",
    "write append": "rows added",
    "write overwrite": "rows written anew",
}


def _event(table: str, entry: dict[str, Any]) -> Event:
    info = entry.get(INFO) or {}
    account = {**info.get("account", {}), **info.get("replay", {}), **info.get("stream", {})}
    rewritten = entry.get(REWRITTEN) or {}
    named = {key: account[key] for key in ("plan", "replay", "topic") if key in account}
    notes = named | {key: account[key] for key in _TOLD if key in account and (account[key] or key in _ALWAYS)}
    notes |= {key: told[key] for told in (account, info) for key in ("low_water", "bundle") if told.get(key)}
    notes |= {key: rewritten[key] for key in ("files", "into") if key in rewritten}
    what = rewritten.get("why") or _plainly(entry)
    if "stream" in info and not info["stream"]["offsets"]:  # no message: it says where reading goes on
        what, notes = "begin", named
    at = dt.datetime.fromtimestamp(entry["timestamp"] / 1000, dt.UTC).isoformat(timespec="seconds")
    return Event(at, table, int(entry["version"]), what, notes)


def _plainly(entry: dict[str, Any]) -> str:
    """What a commit did, in plain words where it is one of ours.

    >>> _plainly({"operation": "WRITE", "operationParameters": {"mode": "Append"}})
    'rows added'
    >>> _plainly({"operation": "RESTORE"})
    'restore'
    """
    operation = str(entry.get("operation", "?")).lower()
    mode = str((entry.get("operationParameters") or {}).get("mode", "")).strip('"').lower()
    told = f"{operation} {mode}".strip()
    return _WORDS.get(told, told)
