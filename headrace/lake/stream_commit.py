"""The tables that a topic is committed to, and where each of them goes on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

from headrace.lake.commit import Token, commit_once, newest_infos
from headrace.lake.offset_commit import INFO, OffsetsTable
from headrace.lake.offsets import Begin, Stored, Topic, identity_version, next_offsets, partition_name
from headrace.lake.stream_account import StreamAccount
from headrace.lake.tables import open_table


@dataclass(frozen=True, kw_only=True)
class StreamTable(OffsetsTable):
    """One table that a topic is committed to; its sources are the topic's partitions."""

    topic: str
    contract: str  # digest
    lateness: timedelta | None = None  # how much older than the newest row one may still come; None: rows have no time

    def begin(self, topic: Topic, begin: Begin | None = None, *, accept_loss: bool = False) -> dict[int, int]:
        """The offset it needs next of each partition; it has a token of every one afterwards.

        `begin` is where files hand over to the topic; it counts where the table has never seen that.

        Only from the driver, under the data set's lock. Run twice it commits once.

        Raises:
            DataFailure: nobody can go on from what the table and the broker have.
            UsageFailure: files hand over elsewhere than when it was begun, or where nothing is.
        """
        stored = self.stored(topic)
        first = next_offsets(self.name, topic, stored, begin, accept_loss=accept_loss)
        identity = identity_version(topic)
        changed = {number: first[number] for number in first if stored.partitions[number] != first[number]}
        if changed or stored.identity != identity:
            tokens = [Token(self._partition(n), offset, stored.partitions[n]) for n, offset in changed.items()]
            tokens.append(Token(self._identity, identity, stored.identity))
            if begin:
                tokens.append(Token(self._begin, begin.version, stored.begin))
            lost = {
                n: [before, offset] for n, offset in changed.items() if (before := stored.partitions[n]) is not None
            }
            told = {"lost": lost, "from": begin and begin.declared}
            commit_once(self.root, tokens, [], info={INFO: self.told(StreamAccount(), {}) | told})
        return first

    @property
    def _identity(self) -> str:
        """The app id of the token that says which topic of that name it is."""
        return self.app(self.topic)

    @property
    def _begin(self) -> str:
        """That of the token that says where files have handed over to it."""
        return f"{self._identity}/from"

    def _partition(self, number: int) -> str:
        return self.app(partition_name(self.topic, number))

    def stored(self, topic: Topic) -> Stored:
        """Its tokens of the topic."""
        table = open_table(self.root)
        return Stored(
            table.transaction_version(self._identity),
            {number: table.transaction_version(self._partition(number)) for number in topic.partitions},
            table.transaction_version(self._begin),
        )

    def told(self, account: StreamAccount, moved: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
        """What a commit's metadata tell of it."""
        return {
            "topic": self.topic,
            "contract": self.contract,
            "low_water": self._low_water(account.newest),
            **super().told(account, moved),
        }

    def _low_water(self, newest: datetime | None) -> str | None:
        """The time through which the rows are complete as far as this commit tells; the greatest is the table's."""
        if newest is None or self.lateness is None:
            return None
        first = datetime.min.replace(tzinfo=UTC)
        return (newest - min(self.lateness, newest - first)).isoformat()


def stream_prefix(data_set: str, table_id: str) -> str:
    """Of the app ids under which a data set's topics are committed to one of its tables.

    >>> stream_prefix("clicks", "T1")
    'clicks/ingest_stream/T1'
    """
    return f"{data_set}/ingest_stream/{table_id}"


def stream_account(root: str, after: int = -1) -> StreamAccount:
    """The account of all commits of streams behind a version, as far as the table's log still holds them."""
    newer = takewhile(lambda info: info["version"] > after, newest_infos(root))
    return StreamAccount.total(StreamAccount.from_info(info[INFO]) for info in newer if INFO in info)
