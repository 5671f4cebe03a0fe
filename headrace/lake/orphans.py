"""Data files that no version of a table needs any more."""

import datetime as dt
import json
import time
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from headrace import storage
from headrace.lake.snapshot import open_snapshot
from headrace.lake.tables import open_table


class Orphan(NamedTuple):
    """A file that may go."""

    path: str
    size: int  # bytes


def version_at(root: str, moment: dt.datetime) -> int:
    """The version a table had at a time; its first one where it is younger."""
    entries = open_table(root).history()  # newest first
    older = (int(e["version"]) for e in entries if e["timestamp"] <= moment.timestamp() * 1000)
    return next(older, int(entries[-1]["version"]))


def orphans(root: str, needed: int, retention: dt.timedelta, begun: dt.datetime | None = None) -> list[Orphan]:
    """Files older than the retention that no version from `needed` on names.

    `begun` is a time before the oldest run that may still commit began: a file that was
    written since and that no version has ever named may be that run's, whatever its age.
    """
    oldest = time.time() - retention.total_seconds()
    found, young = [], set()
    there = list(_files(root))  # before the log is read, so that what is committed meanwhile is named
    kept = _named_since(root, needed)
    for name, file in there:
        if name.endswith(".parquet") and file.modified < oldest and name not in kept:
            found.append(Orphan(storage.join(root, name), file.size))
            if begun and file.modified >= begun.timestamp():
                young.add(found[-1].path)
    if young and begun:
        committed = {storage.join(root, name) for name in _named_since(root, version_at(root, begun))}
        found = [orphan for orphan in found if orphan.path not in young or orphan.path in committed]
    return found


def _files(root: str, under: str = "") -> Iterator[tuple[str, storage.Entry]]:
    """The files of a table by their names under its root, also those of its partitions."""
    folder = storage.join(root, under) if under else root
    yield from ((f"{under}{file.name}", file) for file in storage.listing(folder))
    for name in storage.names(folder):
        if "=" in name and not name.endswith(".parquet"):
            yield from _files(root, f"{under}{name}/")


def _named_since(root: str, version: int) -> set[str]:
    """The names of all files of a version and of every later one."""
    newest = open_table(root).version()
    names = {file.name for file in open_snapshot(root, version).files}
    for later in range(version + 1, newest + 1):
        log = storage.read(storage.join(root, "_delta_log", f"{later:020d}.json"))
        if log is None:  # the log was cleaned up that far: what the version holds can still be told
            names |= {file.name for file in open_snapshot(root, later).files}
            continue
        actions = map(json.loads, log.splitlines())
        names |= {unquote(action["add"]["path"]) for action in actions if "add" in action}
    return names
