"""The tables that a topic is committed to, and where each of them goes on."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from headrace.lake.commit import Token, commit_once, newest_infos
from headrace.lake.offset_commit import INFO, OffsetsTable
from headrace.lake.offsets import Stored, Topic, identity_version, next_offsets, partition_name
from headrace.lake.stream_account import StreamAccount
from headrace.lake.tables import open_table


@dataclass(frozen=True, kw_only=True)
class StreamTable(OffsetsTable):
    """One table that a topic is committed to; its sources are the topic's partitions."""

    topic: str
    contract: str  # digest

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
            tokens = [Token(self._partition(n), offset, stored.partitions[n]) for n, offset in changed.items()]
            tokens.append(Token(self._identity, identity, stored.identity))
            lost = {
                n: [before, offset] for n, offset in changed.items() if (before := stored.partitions[n]) is not None
            }
            commit_once(self.root, tokens, [], info={INFO: self.told(StreamAccount(), {}) | {"lost": lost}})
        return first

    @property
    def _identity(self) -> str:
        """The app id of the token that says which topic of that name it is."""
        return self.app(self.topic)

    def _partition(self, number: int) -> str:
        return self.app(partition_name(self.topic, number))

    def _stored(self, topic: Topic) -> Stored:
        table = open_table(self.root)
        return Stored(
            table.transaction_version(self._identity),
            {number: table.transaction_version(self._partition(number)) for number in topic.partitions},
        )

    def told(self, account: StreamAccount, moved: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
        """What a commit's metadata tell of it."""
        return {"topic": self.topic, "contract": self.contract, **super().told(account, moved)}


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
