"""Commit rows to one table in the order of their offsets, once.

A table's token of a source is the offset it needs next, in the same commit as the rows
before it: what is in is read from the table alone.
"""

import random
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from headrace.failures import Conflict, DataFailure
from headrace.lake.accounts import NOT_LOOKED_FOR
from headrace.lake.commit import Token, commit_once
from headrace.lake.key_window import KeyWindow, StreamKey
from headrace.lake.latest_window import LatestWindow
from headrace.lake.offsets import Part, Turn, next_turn
from headrace.lake.stream_account import StreamAccount
from headrace.lake.stream_repeats import left_in
from headrace.lake.tables import open_table

INFO = "stream"
"""The key under which a commit's metadata tell of offsets."""

_ATTEMPTS = 8
_MOST_ROWS = 4_000_000  # of a commit: their keys are looked at together, some 70 bytes each
_MOST_FILES = 5_000


type Window = KeyWindow | LatestWindow

_windows: WeakValueDictionary[tuple[str, StreamKey], Window] = WeakValueDictionary()
_opening = threading.Lock()


def _as_many(parts: Sequence[Part]) -> Sequence[Part]:
    """As many from the front as one commit may add; at least one."""
    rows = files = 0
    for number, part in enumerate(parts):
        rows, files = rows + part.account.read, files + len(part.files)
        if number and (rows > _MOST_ROWS or files > _MOST_FILES):
            return parts[:number]
    return parts


class Waiting(NamedTuple):
    """What a table still lacks after a commit: parts behind a gap, and where it ends."""

    parts: tuple[Part, ...]
    tokens: Mapping[str, int]  # by source
    committed: int  # rows read for this call's parts
    dropped: int  # parts that the table had already


@dataclass(frozen=True, kw_only=True)
class OffsetsTable:
    """One table that rows are committed to in the order of their offsets."""

    name: str  # in messages, and where several tables are written
    root: str
    prefix: str  # of the app ids: who writes, for good
    stop_if: float | None = None  # share of quarantined rows in a commit
    key: StreamKey | None = None  # None: rows that repeat others are not looked for
    takes: str = "accepted"  # which of the account's rows it holds: accepted or quarantined

    def app(self, source: str) -> str:
        """The app id of the token that is the next offset of a source.

        >>> OffsetsTable(name="events", root="lake/t", prefix="journal").app("a.log")
        'journal/a.log'
        """
        return f"{self.prefix}/{source}"

    def begin_at(self, first: Mapping[str, int]) -> dict[str, int]:
        """The offset it needs next of each source; it has a token of every one afterwards.

        A source it has never seen begins at `first`. Only from the driver: two at once would
        be a conflict. Run twice it commits once.

        Raises:
            Conflict: another run has begun with the source in between.
        """
        table = open_table(self.root)
        stored = {source: table.transaction_version(self.app(source)) for source in first}
        new = {source: first[source] for source, token in stored.items() if token is None}
        if new:
            tokens = [Token(self.app(source), offset, None) for source, offset in new.items()]
            commit_once(self.root, tokens, [], info={INFO: self.told(StreamAccount(), {})})
        return {source: first[source] if token is None else token for source, token in stored.items()}

    def window(self) -> Window | None:
        """What `commit` looks for repeats in; a worker keeps it from one commit to the next.

        There is one in a process, however many ask, as it may be large; it goes with the last of them.
        """
        if self.key is None:
            return None
        with _opening:
            found = _windows.get((self.root, self.key))
            if found is None:
                found = LatestWindow(self.root, self.key) if self.key.latest_by else KeyWindow(self.root, self.key)
                _windows[self.root, self.key] = found
        return found

    def commit(self, parts: Iterable[Part], window: Window | None = None) -> Waiting:
        """Add every part that goes on where the table ends, with the tokens; in one commit, unless that grew too large.

        Run twice it commits once; parts the table has are dropped. With a key, rows that repeat
        one are left out; where a rival adds rows meanwhile, they are looked at, and it is tried
        again. A worker hands the same `window` to every commit, else it is read anew.

        Raises:
            Conflict: another run has committed other parts in between, or rivals won every attempt.
            Failure: the account of the parts does not close.
            DataFailure: too many of them broke the contract, a key is repeated and that is
                refused, or the window does not fit into memory.
        """
        parts, window = list(parts), window or self.window()
        sources = {span.file for part in parts for span in part.spans}
        committed = attempt = dropped = 0
        while True:
            before = self.tokens(sources)
            turn = next_turn(parts, before)
            dropped += len(parts) - len(turn.take) - len(turn.wait)
            if not turn.take:
                return Waiting(turn.wait, turn.tokens, committed, dropped)
            now = _as_many(turn.take)
            try:
                with window.lock if window else nullcontext():
                    committed += self._commit(next_turn(now, before), before, window).read
            except Conflict:  # whether it was one, the tokens tell: they are read again
                attempt += 1
                if attempt == _ATTEMPTS:
                    raise
                time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  # jitter, not secrecy
                parts = [*turn.take, *turn.wait]
            else:
                attempt = 0
                parts = [*turn.take[len(now) :], *turn.wait]

    def _commit(self, turn: Turn, before: Mapping[str, int], window: Window | None) -> StreamAccount:
        account = StreamAccount.total(part.account for part in turn.take)
        files = [file for part in turn.take for file in part.files]
        account.prove(self.name, self._rows(account), sum(file.rows for file in files), self.stop_if)
        kept = left_in(self.root, files, account, window)
        kept.account.prove(self.name, self._rows(kept.account), sum(file.rows for file in kept.files), None)
        moved = {source: (before[source], end) for source, end in turn.tokens.items() if end != before[source]}
        done = commit_once(
            self.root,
            [Token(self.app(source), end, start) for source, (start, end) in moved.items()],
            [*kept.files, *kept.replaced.adds],
            info={INFO: self.told(kept.account, moved)},
            removes=kept.replaced.removes,
            seen=kept.seen,
        )
        if window and kept.keys is not None and done.fresh:
            window.committed(done.version, kept.keys)
        return kept.account

    def tokens(self, sources: Iterable[str]) -> dict[str, int]:
        """The offset it needs next, by source.

        Raises:
            DataFailure: it has none for a source, so it is not the table the run began with.
        """
        table = open_table(self.root)
        stored = {source: table.transaction_version(self.app(source)) for source in sorted(sources)}
        if lacking := [source for source, token in stored.items() if token is None]:
            raise DataFailure(
                f"{self.root}: has lost its tokens of {', '.join(lacking)} while it was written: it was replaced or "
                "restored meanwhile; look at its log, then run again"
            )
        return {source: token for source, token in stored.items() if token is not None}

    def told(self, account: StreamAccount, moved: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
        """What a commit's metadata tell of it."""
        return {
            "duplicates": self.key.told if self.key else NOT_LOOKED_FOR,
            "offsets": {source: list(span) for source, span in moved.items()},
            **account.as_info(),
        }

    def _rows(self, account: StreamAccount) -> int:
        return account.accepted if self.takes == "accepted" else account.quarantined
