"""Make a commit happen exactly once.

Delta's `txn` action does not refuse a repeat by itself: the token must be read from
the same table handle that commits, and after any exception it must be read again,
because an exception does not mean that nothing was committed.
"""

import hashlib
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from headrace import storage
from headrace.failures import Conflict, DataFailure, reaching
from headrace.fault_points import reached
from headrace.lake.changes import added_between
from headrace.lake.checkpoints import WITHOUT_HOOKS, checkpoint_if_due
from headrace.lake.data_files import Added
from headrace.lake.snapshot import DataFile, open_snapshot
from headrace.lake.tables import is_table, open_table, refuse_unknown_features

INFO = "headrace"  # our key in a commit's metadata
_ATTEMPTS = 8
_LOOK_BACK = 20  # commits


class Token(NamedTuple):
    """One `txn` action, and what the table must carry for it to be written."""

    app: str
    version: int
    expected: int | None  # None: the table has never seen this app


def digest_version(text: bytes) -> int:
    """A text's identity as a token's version can hold it: the first 60 bits of its SHA-256."""
    return int(hashlib.sha256(text).hexdigest()[:15], 16)


class Committed(NamedTuple):
    """The table version that carries the tokens; not fresh where it was there before this call."""

    version: int
    fresh: bool


def stored_token(root: str, app: str) -> int | None:
    """The version an app has committed last, or None; also where there is no table."""
    return open_table(root).transaction_version(app) if is_table(root) else None


def commit_once(
    root: str,
    tokens: Sequence[Token],
    adds: Sequence[Added],
    *,
    info: Mapping[str, Any],
    replace: Mapping[str, str] | None = None,
    removes: Sequence[DataFile] = (),
    seen: int | None = None,
) -> Committed:
    """Add the files and set the tokens in one commit, unless the table carries the tokens already.

    Run twice it commits once. With `replace` the new files take the place of those with
    these partition values; `{}` names no value, so of all that were there. With `removes`
    they take the place of those files. With `seen`, only where no rows were added after
    that version.

    Raises:
        Conflict: the table carries other tokens than expected, a file to be replaced is not
            in it any more, or rivals won every attempt.
        DataFailure: a file to be added is not there, or the table has features we cannot keep.
    """
    _files_exist(root, adds)
    for attempt in range(_ATTEMPTS):
        table = open_table(root)
        stored = {t.app: table.transaction_version(t.app) for t in tokens}
        if all(stored[t.app] == t.version for t in tokens):
            return Committed(_version_of(table, tokens), fresh=False)
        if odd := [t for t in tokens if stored[t.app] != t.expected]:
            found = ", ".join(f"{t.app}: expected {t.expected}, found {stored[t.app]}" for t in odd)
            raise Conflict(f"{root}: another run has committed in between ({found}); run again")
        if seen is not None and _rows_came(root, seen, table.version()):
            raise Conflict(
                f"{root}: another run has added or replaced rows after version {seen}, in which no key was looked for; "
                "run again"
            )
        _there_still(root, table.version(), removes)
        refuse_unknown_features(root, table)
        try:
            reached("commit")
            with reaching(root):
                _commit(table, tokens, [*_removed(removes), *(a.action() for a in adds)], info, replace)
            reached("committed")
        except DeltaError as failure:
            last = failure
            time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  # jitter, not secrecy
            continue
        table.update_incremental()
        done = Committed(_version_of(table, tokens), fresh=True)
        checkpoint_if_due(root, done.version)
        return done
    raise Conflict(f"{root}: rivals won {_ATTEMPTS} times in a row, last: {last}; run again") from last


def _commit(
    table: DeltaTable,
    tokens: Sequence[Token],
    actions: Sequence[AddAction | RemoveAction],
    info: Mapping[str, Any],
    replace: Mapping[str, str] | None,
) -> None:
    now = time.time_ns() // 1_000_000
    blind = replace is None and not any(isinstance(action, RemoveAction) for action in actions)
    table.create_write_transaction(
        list(actions),
        mode="append" if replace is None else "overwrite",
        schema=table.schema(),
        partition_by=table.metadata().partition_columns or None,
        partition_filters=[(name, "=", value) for name, value in replace.items()] if replace else None,
        commit_properties=CommitProperties(
            # last_updated: without it Spark forgets the token as soon as a retention is set.
            app_transactions=[Transaction(t.app, t.version, now) for t in tokens],
            custom_metadata={
                INFO: {**info, "tokens": {t.app: t.version for t in tokens}},
                "isBlindAppend": blind,
            },
            max_commit_retries=0,  # a retry must read the token again, so it is ours to make
        ),
        post_commithook_properties=WITHOUT_HOOKS,
    )


def _rows_came(root: str, seen: int, now: int) -> bool:
    try:
        return bool(added_between(root, seen, now))
    except DataFailure:  # rows were replaced, or the log is gone
        return True


def _removed(files: Sequence[DataFile]) -> list[RemoveAction]:
    now = time.time_ns() // 1_000_000
    return [RemoveAction(file.name, True, now, file.size, file.partition) for file in files]


def _there_still(root: str, version: int, files: Sequence[DataFile]) -> None:
    # Delta accepts a remove without looking.
    if files and (gone := {file.name for file in files} - {file.name for file in open_snapshot(root, version).files}):
        raise Conflict(f"{root}: {len(gone)} files that were to be replaced are not there any more; run again")


def _version_of(table: DeltaTable, tokens: Sequence[Token]) -> int:
    wanted = {t.app: t.version for t in tokens}
    for info in _newest_first(table):
        if info.get("tokens") == wanted:
            return int(info["version"])
    return table.version()  # the commit is older than the log


def last_info(root: str) -> dict[str, Any] | None:
    """What the newest commit of ours says of itself, with its `version`; None where there is none."""
    return next(newest_infos(root), None)


def newest_infos(root: str) -> Iterator[dict[str, Any]]:
    """What every commit of ours in the log says of itself, newest first; read as far as it is asked for."""
    if is_table(root):
        yield from _newest_first(open_table(root))


def _newest_first(table: DeltaTable) -> Iterator[dict[str, Any]]:
    seen = 0
    for limit in (_LOOK_BACK, None):  # what is asked for is nearly always among the newest
        entries = table.history(limit)
        yield from ({**e[INFO], "version": int(e["version"])} for e in entries[seen:] if e.get(INFO))
        seen = len(entries)


def _files_exist(root: str, adds: Sequence[Added]) -> None:
    # Delta accepts an add without looking; the table would be unreadable.
    for added in adds:
        found = storage.status(storage.join(root, added.name))
        if found is None or found.size != added.size:
            raise DataFailure(f"{root}/{added.name}: the file to be committed is gone or cut short; run again")
