"""Decide what a build of a model's features does: which rows, from which versions, or nothing."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from headrace.failures import DataFailure
from headrace.features.build import Build
from headrace.features.due import Window
from headrace.features.feature_set import FeatureSpec
from headrace.features.sides import Side
from headrace.lake.changes import added_between
from headrace.lake.commit import Token, digest_version, last_info, stored_token
from headrace.lake.low_water import low_water
from headrace.lake.snapshot import DataFile, Snapshot, open_snapshot
from headrace.rules import Type
from headrace.rules.instants import microseconds
from headrace.spec.data_set import DataSet


def next_build(
    root: str,
    app: str,
    spec: FeatureSpec,
    kept: Mapping[str, Type],
    rows: Snapshot,
    data: DataSet,
    sides: Mapping[str, Side],
) -> Build | None:
    """The build that brings the feature table up to its inputs, or None where it is there already.

    Five tokens move in one commit: the time through which features are built, the
    version of the rows' table that was seen, the identity of all tables, and the digests of the spec
    and of the columns kept beside the features. Where one of the last three is another,
    everything is built again and replaces what was.

    Raises:
        DataFailure: rows were deleted or changed since the last build.
    """
    until = _low_water(rows, data, sides)
    if until is None:
        return None
    now = {
        f"{app}/time": until,
        f"{app}/rows": rows.version,
        f"{app}/spec": digest_version(spec.digest.encode()),
        f"{app}/source": digest_version("/".join([rows.table_id, *_ids(sides)]).encode()),
        # Not part of the spec's digest: a slice more is no other model.
        f"{app}/kept": _digest_of({name: str(kind) for name, kind in kept.items()}),
    }
    before = {name: stored_token(root, name) for name in now}
    if before == now:
        return None
    replace = any(before[f"{app}/{name}"] not in (None, now[f"{app}/{name}"]) for name in ("spec", "source", "kept"))
    after = None if replace else before[f"{app}/time"]
    seen = None if replace else before[f"{app}/rows"]
    if after is not None and until < after:
        raise DataFailure(
            f"{root}: features are built through {_shown(after)}, but the inputs are complete only through "
            f"{_shown(until)}: a table went back in time; restore it, or remove the feature table to build again"
        )
    if seen is not None and rows.version < seen:
        raise DataFailure(
            f"{rows.root}: features were built from version {seen}, but the table is at {rows.version}: it went back "
            "in time; restore it, or remove the feature table to build again"
        )
    new = added_between(rows.root, seen, rows.version)
    last = last_info(root) or {"generation": 0, "waiting_in": []}
    old = _with_waiting(rows.root, seen, set(last["waiting_in"])) if seen is not None else ()
    return Build(
        app=app,
        window=Window(after, until, frozenset(f.path for f in new)),
        files=(*old, *new),
        tokens=tuple(Token(name, version, before[name]) for name, version in now.items()),
        info={**_info(spec, until, rows, sides), "generation": last["generation"] + (1 if replace else 0)},
        replace=replace,
    )


def _ids(sides: Mapping[str, Side]) -> list[str]:
    """A joined table that was made anew has other rows: what was made of the old ones is stale."""
    return [sides[name].snapshot.table_id for name in sorted(sides)]


def _with_waiting(root: str, seen: int, names: set[str]) -> tuple[DataFile, ...]:
    """The files of the rows' table, as an earlier build saw them, in which rows were not due yet.

    As they were then, not as they are: a compaction may have mixed old rows with late
    ones. Where one had already been when the names were noted, every file is read.
    """
    if not names:
        return ()
    files = open_snapshot(root, seen).files
    chosen = tuple(file for file in files if file.name in names)
    return chosen if len(chosen) == len(names) else files


def _digest_of(columns: Mapping[str, str]) -> int:
    return digest_version(json.dumps(columns, sort_keys=True, ensure_ascii=False).encode())


def _low_water(rows: Snapshot, data: DataSet, sides: Mapping[str, Side]) -> int | None:
    """The time through which every input is complete, µs; None where one of them is empty."""
    times = [low_water(rows, data.time, data.lateness)]
    times += [low_water(side.snapshot, side.data.time, side.data.lateness) for side in sides.values()]
    return None if None in times else min(microseconds(t) for t in times if t is not None)


def _info(spec: FeatureSpec, until: int, rows: Snapshot, sides: Mapping[str, Side]) -> dict[str, Any]:
    pinned = {"rows": rows, **{name: side.snapshot for name, side in sides.items()}}
    return {
        "spec": spec.digest,
        "low_water": _shown(until),
        "inputs": {name: snapshot.pinned() for name, snapshot in pinned.items()},
    }


def _shown(at: int) -> str:
    return (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=at)).isoformat()
