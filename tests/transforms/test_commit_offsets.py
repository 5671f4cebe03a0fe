"""The committer of offsets: what waits behind a gap stops the run, whoever goes on beside it."""

from headrace.lake.offset_commit import Waiting
from headrace.lake.offsets import Part
from headrace.lake.stream_account import StreamAccount
from headrace.rows.block import Origin
from transforms.commit_offsets import _stuck


def waiting(tokens, *spans):
    """After a commit: where the sources end, and parts that wait."""
    return Waiting(tuple(Part((Origin(*span),), (), StreamAccount()) for span in spans), tokens, 5, 0)


def test_a_source_is_stuck_since_its_token_last_moved():
    """Others commit all the time: it is stuck all the same; a token that moves begins anew, a whole source ends."""
    stuck = _stuck({}, waiting({"a": 0, "b": 7}, ("a", 10, 20)), 100.0)
    assert stuck == {"a": (0, 100.0)}
    stuck = _stuck(stuck, waiting({"a": 0, "b": 9}, ("a", 10, 20), ("a", 20, 30), ("b", 12, 14)), 160.0)
    assert stuck == {"a": (0, 100.0), "b": (9, 160.0)}
    assert _stuck(stuck, waiting({"a": 20, "b": 14}, ("a", 25, 30)), 170.0) == {"a": (20, 170.0)}
    assert _stuck(stuck, waiting({"a": 30, "b": 14}), 180.0) == {}
