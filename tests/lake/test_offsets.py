"""What the tokens of a topic decide: where reading goes on, what may be committed, and what stops a run."""

import random

import pytest

from headrace.failures import Conflict, DataFailure, Failure
from headrace.lake.offsets import (
    Part,
    Retained,
    Stored,
    Topic,
    gap,
    identity_version,
    merged,
    next_offsets,
    next_turn,
)
from headrace.lake.stream_account import StreamAccount
from headrace.rows.block import Origin

TOPIC = Topic("clicks", "Zx81", {0: Retained(0, 100), 1: Retained(40, 90)})
KNOWN = identity_version(TOPIC)


def test_a_new_table_begins_at_the_oldest_message():
    """What the broker has deleted before anybody asked is nobody's loss."""
    assert next_offsets("events", TOPIC, Stored(None, {})) == {0: 0, 1: 40}


def test_reading_goes_on_where_the_table_ends():
    """Each partition has its own token; the end itself is one too."""
    assert next_offsets("events", TOPIC, Stored(KNOWN, {0: 7, 1: 90})) == {0: 7, 1: 90}


def test_a_partition_that_was_added_is_read_from_its_first_message():
    """The table knows the topic but not the partition."""
    topic = TOPIC._replace(partitions={**TOPIC.partitions, 2: Retained(0, 5)})
    assert next_offsets("events", topic, Stored(KNOWN, {0: 7, 1: 50})) == {0: 7, 1: 50, 2: 0}


@pytest.mark.parametrize("token", [39, None], ids=["behind", "added and already cut"])
def test_messages_that_were_deleted_unread_stop_the_run(token):
    """Retention was shorter than the pause between runs; a person may accept it, once and by name."""
    stored = Stored(KNOWN, {0: 7, 1: token})
    with pytest.raises(DataFailure, match=rf"deleted messages before they were read \(clicks/1: {token or 0}\.\.40\)"):
        next_offsets("events", TOPIC, stored)
    assert next_offsets("events", TOPIC, stored, accept_loss=True) == {0: 7, 1: 40}


def test_a_table_ahead_of_the_broker_stops_the_run():
    """Another cluster, or one that has lost messages: reading on would skip what comes."""
    with pytest.raises(DataFailure, match="up to offset 101, and the broker ends at 100"):
        next_offsets("events", TOPIC, Stored(KNOWN, {0: 101}))


def test_a_topic_that_was_made_again_stops_the_run():
    """The same offsets would name other messages, also where they fit; loss cannot be accepted there."""
    with pytest.raises(DataFailure, match="clicks was deleted and made again"):
        next_offsets("events", TOPIC._replace(identity="other"), Stored(KNOWN, {0: 7, 1: 50}), accept_loss=True)


def part(**spans):
    """A part that covers these offsets of partitions, by name."""
    return Part(tuple(Origin(name, *span) for name, span in spans.items()), (), StreamAccount())


CHAIN = [
    part(a=(1000, 1010), b=(50, 100)),
    part(b=(100, 150)),
    part(a=(1010, 1020)),
    part(a=(1020, 1021), b=(150, 151)),
]


@pytest.mark.parametrize("seed", range(5))
def test_a_whole_chain_is_taken_in_order_whatever_order_it_comes_in(seed):
    """Parts arrive in any order and any number of times."""
    parts = [*CHAIN, *CHAIN[:2]]
    random.Random(seed).shuffle(parts)  # noqa: S311  # a shuffle, no secret
    turn = next_turn(parts, {"a": 1000, "b": 50})
    assert [p.spans for p in turn.take if p.spans[0].file == "a"] == [p.spans for p in CHAIN if p.spans[0].file == "a"]
    assert sorted(turn.take) == sorted(CHAIN)
    assert (turn.wait, turn.tokens) == ((), {"a": 1021, "b": 151})


def test_what_the_table_has_is_dropped():
    """A run that committed and died comes back with the same blocks."""
    turn = next_turn(CHAIN, {"a": 1010, "b": 100})
    assert sorted(turn.take) == sorted(CHAIN[1:])
    assert next_turn(CHAIN, {"a": 1021, "b": 151}).take == ()


def test_what_is_behind_a_gap_waits_and_is_told():
    """A block was lost on the way: nothing behind it is taken, and the message names the offsets."""
    tokens = {"a": 1000, "b": 50}
    turn = next_turn([CHAIN[0], CHAIN[3]], tokens)
    assert (turn.take, turn.wait) == ((CHAIN[0],), (CHAIN[3],))
    told = gap("events", turn.wait, turn.tokens, 60)
    assert type(told) is Failure
    assert "a 1010..1020, b 100..150" in str(told)


@pytest.mark.parametrize("at", [{"a": 1005, "b": 50}, {"a": 1010, "b": 50}], ids=["within", "one of two"])
def test_a_part_half_of_which_is_there_is_refused(at):
    """Another run has cut the same messages elsewhere; adding the file would double them."""
    with pytest.raises(Conflict, match="another run has committed in between"):
        next_turn(CHAIN, at)


def test_blocks_of_a_file_must_follow_each_other():
    """A file that skips offsets would hide the gap from the commit."""
    with pytest.raises(Failure, match=r"a: offsets 7\.\.9 came after 0\.\.5"):
        merged([Origin("a", 0, 5), Origin("a", 7, 9)])


def test_accounts_add_up_and_survive_the_log():
    """Sums, reasons and the newest time of several blocks, as plain values and back."""
    one = StreamAccount(read=3, accepted=2, quarantined=1, late=1, reasons={"line.json": 1})
    both = StreamAccount.total([one, one, StreamAccount()])
    assert (both.read, both.accepted, both.quarantined, both.late) == (6, 4, 2, 2)
    assert StreamAccount.from_info({**both.as_info(), "topic": "t"}) == both
    both.prove("events", 4, 4, 0.34)
    with pytest.raises(DataFailure, match="2 of 6 messages broke the contract"):
        both.prove("events", 4, 4, 0.3)
    with pytest.raises(Failure, match="the account does not close"):
        both.prove("quarantine", 2, 1, None)
