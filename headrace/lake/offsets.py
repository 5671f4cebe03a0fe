"""Where a topic stands in a table, and what may be committed next.

A table's token for a partition is the offset it needs next, so what is in is read from
the table alone. Everything here is decided from numbers; nothing asks a broker.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from headrace.failures import Conflict, DataFailure, Failure, UsageFailure
from headrace.lake.commit import digest_version
from headrace.lake.data_files import Added
from headrace.lake.stream_account import StreamAccount
from headrace.rows.block import Origin


class Retained(NamedTuple):
    """The offsets that a broker holds of a partition: [low, end)."""

    low: int
    end: int


class Topic(NamedTuple):
    """A topic as its broker tells of it now."""

    name: str
    identity: str  # another one when the topic was deleted and made again; the name where the broker knows none
    partitions: Mapping[int, Retained]


def partition_name(topic: str, partition: int) -> str:
    """What a partition is called in an origin and in the column `_file`.

    >>> partition_name("clicks", 3)
    'clicks/3'
    """
    return f"{topic}/{partition}"


def identity_version(topic: Topic) -> int:
    """The topic's identity as a token's version can hold it."""
    return digest_version(topic.identity.encode())


class Stored(NamedTuple):
    """A table's tokens of a topic; None where it has none."""

    identity: int | None
    partitions: Mapping[int, int | None]
    begin: int | None = None


class Begin(NamedTuple):
    """Where a table begins with a topic that files have handed over to."""

    declared: str  # as the data set says it
    offsets: Mapping[int, int]  # the first that the files do not hold

    @property
    def version(self) -> int:
        """What was declared, as a token's version can hold it."""
        return digest_version(self.declared.encode())


def next_offsets(
    table: str, topic: Topic, stored: Stored, begin: Begin | None = None, *, accept_loss: bool = False
) -> dict[int, int]:
    """The offset that a table needs next of each partition.

    A table that has never seen the topic begins where files hand over to it, or else at the
    oldest message there is; so does a partition that was added since, if it lost none.

    Raises:
        UsageFailure: files hand over at offsets that the topic has not, or at others than when it
            was begun.
        DataFailure: the topic was made again, the broker has deleted messages that the table
            lacks (and `accept_loss` is not set), or the table is ahead of the broker.
    """
    if stored.identity is not None and stored.identity != identity_version(topic):
        raise DataFailure(
            f"{table}: the topic {topic.name} was deleted and made again since it was read last, so its offsets begin "
            "anew and would name other messages than those in the table. Send the new messages to a topic of another "
            "name and a data set of its own, or make its tables anew: headrace reset <its file>"
        )
    if stored.identity is None:
        if begin:
            _prove_there(topic, begin)
    elif stored.begin != (begin and begin.version):
        raise UsageFailure(
            f"{table}: was begun with the topic {topic.name} where sources.live.from does not say now, and what "
            "lies between them would be there twice or not at all. Write `from` as it was, or make its "
            "tables anew: headrace reset <its file>"
        )
    start = begin.offsets if begin and stored.identity is None else {}
    found, lost = {}, []
    for number, (low, end) in topic.partitions.items():
        token = stored.partitions.get(number)
        if token is not None and token > end:
            raise DataFailure(
                f"{table}: has {partition_name(topic.name, number)} up to offset {token}, and the broker ends at {end}:"
                " it is another cluster, or it has lost messages that the table holds. Mend kafka.servers in the place "
                "file; if the messages are lost there, read on from a topic of another name"
            )
        first = token if token is not None else (start.get(number, low) if stored.identity is None else 0)
        if first < low:
            lost.append(f"{partition_name(topic.name, number)}: {first}..{low}")
        found[number] = max(first, low)
    if lost and not accept_loss:
        raise DataFailure(
            f"{table}: the broker has deleted messages before they were read ({', '.join(lost)}): its retention is "
            "shorter than the time between runs. Lengthen retention.ms of the topic; to go on without those messages, "
            "run once with --accept-loss, and the table's log will say which are missing"
        )
    return found


def _prove_there(topic: Topic, begin: Begin) -> None:
    """Every partition begins at a message that the broker has, or right behind its last."""
    wrong = [
        f"{partition_name(topic.name, number)}: the broker has {low}..{end}, and it says {begin.offsets[number]}"
        for number, (low, end) in topic.partitions.items()
        if number in begin.offsets and not low <= begin.offsets[number] <= end
    ]
    for numbers, why in (
        (topic.partitions.keys() - begin.offsets.keys(), "it does not say where the topic's partition begins"),
        (begin.offsets.keys() - topic.partitions.keys(), "the topic has no such partition"),
    ):
        wrong += [f"{partition_name(topic.name, number)}: {why}" for number in sorted(numbers)]
    if wrong:
        raise UsageFailure(
            f"sources.live.from: files hand over to topic {topic.name} at offsets that it has not: {'; '.join(wrong)}. "
            "Name for each partition the first offset that the files do not hold"
        )


def grown(topic: str, before: int, now: int) -> Conflict:
    """What stops a run when partitions were added while it was reading."""
    return Conflict(
        f"topic {topic}: has {now} partitions now and had {before} when this run began, so messages are not read; "
        "what was committed stays, run again and the new partitions are read from their first message"
    )


class Part(NamedTuple):
    """What one table gets of consecutive blocks of one reader: files, possibly none, and the offsets they cover."""

    spans: tuple[Origin, ...]  # one of each source, for example `topic/partition`: [first offset, next offset)
    files: tuple[Added, ...]
    account: StreamAccount


class Turn(NamedTuple):
    """Which parts a commit may take, which must wait, and the tokens the table has afterwards."""

    take: tuple[Part, ...]
    wait: tuple[Part, ...]
    tokens: Mapping[str, int]  # by source


def next_turn(parts: Iterable[Part], tokens: Mapping[str, int]) -> Turn:
    """Take the parts that go on exactly where the table ends; drop those it has.

    Raises:
        Conflict: a part covers offsets that the table has and others that it has not.
    """
    now = dict(tokens)
    take: list[Part] = []
    wait = sorted(parts, key=lambda part: part.spans)
    while True:
        rest = []
        for part in wait:
            if all(end <= now[file] for file, _, end in part.spans):
                continue  # the table has it: another run was faster, or this one committed it and died
            if all(start == now[file] for file, start, _ in part.spans):
                take.append(part)
                now.update({file: end for file, _, end in part.spans})
            elif all(start >= now[file] for file, start, _ in part.spans):
                rest.append(part)
            else:
                raise Conflict(
                    f"{_straddle(part, now)}: another run has committed in between (run again), or the source gave a "
                    "range twice"
                )
        if len(rest) == len(wait):
            return Turn(tuple(take), tuple(rest), now)
        wait = rest


def _straddle(part: Part, tokens: Mapping[str, int]) -> str:
    return "; ".join(
        f"{file}: offsets {start}..{end}, the table has up to {tokens[file]}" for file, start, end in part.spans
    )


def gap(table: str, waiting: Sequence[Part], tokens: Mapping[str, int], seconds: float) -> Failure:
    """What stops a run when offsets between the table's end and blocks that arrived never came."""
    first: dict[str, int] = {}
    for part in waiting:
        for file, start, _ in part.spans:
            first[file] = min(first.get(file, start), start)
    missing = ", ".join(
        f"{file} {tokens[file]}..{start}" for file, start in sorted(first.items()) if start > tokens[file]
    )
    return Failure(
        f"{table}: offsets never arrived and {len(waiting)} files wait behind them for {seconds:.0f} s ({missing}); "
        "nothing behind the gap was committed. This is a fault of Headrace or its runner: run again, and report it"
    )


def merged(spans: Iterable[Origin]) -> tuple[Origin, ...]:
    """One span of each partition, of spans that follow each other.

    >>> merged([Origin("t/0", 5, 7), Origin("t/1", 0, 2), Origin("t/0", 7, 9)])
    (Origin(file='t/0', start=5, end=9), Origin(file='t/1', start=0, end=2))

    Raises:
        Failure: they do not follow each other.
    """
    found: dict[str, Origin] = {}
    for span in spans:
        before = found.get(span.file)
        if before and before.end != span.start:
            raise Failure(
                f"{span.file}: offsets {span.start}..{span.end} came after {before.start}..{before.end}; nothing of "
                "them was committed. This is a fault of Headrace or its runner: run again, and report it"
            )
        found[span.file] = Origin(span.file, before.start, span.end) if before else span
    return tuple(sorted(found.values()))


def cut_at(span: Origin, points: Iterable[int]) -> Iterator[Origin]:
    """The span in pieces that no point lies within.

    >>> [tuple(piece[1:]) for piece in cut_at(Origin("t/0", 5, 20), [5, 9, 30, 9])]
    [(5, 9), (9, 20)]
    """
    start = span.start
    for point in sorted({point for point in points if span.start < point < span.end}):
        yield Origin(span.file, start, point)
        start = point
    yield Origin(span.file, start, span.end)
