"""Commit what came of a topic's messages to one table, in the order of their offsets, once."""

import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from headrace.failures import Conflict, DataFailure
from headrace.lake.accounts import NOT_LOOKED_FOR
from headrace.lake.commit import Token, commit_once, newest_infos
from headrace.lake.key_window import KeyWindow, StreamKey
from headrace.lake.offsets import Part, Stored, Topic, TopicApps, Turn, identity_version, next_offsets, next_turn
from headrace.lake.stream_account import StreamAccount
from headrace.lake.stream_repeats import left_in
from headrace.lake.tables import open_table

_ATTEMPTS = 8

INFO = "stream"
"""The key under which a commit's metadata tell of a stream."""


class Waiting(NamedTuple):
    """What a table still lacks after a commit: parts behind a gap, and where it ends."""

    parts: tuple[Part, ...]
    tokens: Mapping[str, int]  # by the name of the partition
    committed: int  # messages of this call


@dataclass(frozen=True)
class StreamTable:
    """One table that a topic is committed to."""

    name: str  # events or quarantine
    root: str
    apps: TopicApps
    contract: str  # digest
    stop_if: float | None = None  # share of quarantined messages in a commit
    key: StreamKey | None = None  # None: rows that repeat others are not looked for

    def begin(self, topic: Topic, *, accept_loss: bool = False) -> dict[int, int]:
        """The offset it needs next of each partition; it has a token of every one afterwards.

        Only from the driver, under the data set's lock. Run twice it commits once.

        Raises:
            DataFailure: nobody can go on from what the table and the broker have.
        """
        stored = self._stored(topic)
        first = next_offsets(self.name, topic, stored, accept_loss=accept_loss)
        identity = identity_version(topic)
        changed = {number: first[number] for number in first if stored.partitions[number] != first[number]}
        if changed or stored.identity != identity:
            tokens = [Token(self.apps.partition(n), offset, stored.partitions[n]) for n, offset in changed.items()]
            tokens.append(Token(self.apps.identity, identity, stored.identity))
            lost = {
                n: [before, offset] for n, offset in changed.items() if (before := stored.partitions[n]) is not None
            }
            commit_once(self.root, tokens, [], info={INFO: self._told(StreamAccount(), {}) | {"lost": lost}})
        return first

    def window(self) -> KeyWindow | None:
        """What `commit` looks for repeats in; a worker keeps it from one commit to the next."""
        return KeyWindow(self.root, self.key) if self.key else None

    def commit(self, parts: Iterable[Part], window: KeyWindow | None = None) -> Waiting:
        """Add every part that goes on where the table ends, in one commit with the tokens.

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
        for attempt in range(_ATTEMPTS):
            before = self.tokens({span.file for part in parts for span in part.spans})
            turn = next_turn(parts, before)
            if not turn.take:
                return Waiting(turn.wait, turn.tokens, 0)
            try:
                account = self._commit(turn, before, window)
            except Conflict as rival:  # whether it was one, the tokens tell: they are read again
                last = rival
                time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  # jitter, not secrecy
            else:
                return Waiting(turn.wait, turn.tokens, account.read)
        raise last

    def _commit(self, turn: Turn, before: Mapping[str, int], window: KeyWindow | None) -> StreamAccount:
        account = StreamAccount.total(part.account for part in turn.take)
        files = [part.added for part in turn.take if part.added]
        account.prove(self.name, sum(file.rows for file in files), self.stop_if)
        kept = left_in(self.root, files, account, window)
        kept.account.prove(self.name, sum(file.rows for file in kept.files), None)
        moved = {file: (before[file], end) for file, end in turn.tokens.items() if end != before[file]}
        done = commit_once(
            self.root,
            [Token(self.apps.of(file), end, start) for file, (start, end) in moved.items()],
            kept.files,
            info={INFO: self._told(kept.account, moved)},
            seen=kept.seen,
        )
        if window and kept.keys is not None and done.fresh:
            window.committed(done.version, kept.keys)
        return kept.account

    def tokens(self, partitions: Iterable[str]) -> dict[str, int]:
        """The offset it needs next, by the name of the partition.

        Raises:
            DataFailure: it has none for a partition, so it is not the table the run began with.
        """
        table = open_table(self.root)
        stored = {name: table.transaction_version(self.apps.of(name)) for name in sorted(partitions)}
        if lacking := [name for name, token in stored.items() if token is None]:
            raise DataFailure(
                f"{self.root}: has lost its tokens of {', '.join(lacking)} while it was written: it was replaced or "
                "restored meanwhile; look at its log, then run again"
            )
        return {name: token for name, token in stored.items() if token is not None}

    def _stored(self, topic: Topic) -> Stored:
        table = open_table(self.root)
        return Stored(
            table.transaction_version(self.apps.identity),
            {number: table.transaction_version(self.apps.partition(number)) for number in topic.partitions},
        )

    def _told(self, account: StreamAccount, moved: Mapping[str, tuple[int, int]]) -> dict[str, object]:
        return {
            "topic": self.apps.topic,
            "contract": self.contract,
            "duplicates": self.key.told if self.key else NOT_LOOKED_FOR,
            "offsets": {file: list(span) for file, span in moved.items()},
            **account.as_info(),
        }


def stream_account(root: str, after: int = -1) -> StreamAccount:
    """The account of all commits of streams behind a version, as far as the table's log still holds them."""
    newer = takewhile(lambda info: info["version"] > after, newest_infos(root))
    return StreamAccount.total(StreamAccount.from_info(info[INFO]) for info in newer if INFO in info)
