"""Delivered files whose bytes are not what their format says, and what is refused of them."""

from collections.abc import Iterable

from headrace import storage
from headrace.failures import DataFailure
from headrace.rows.block import OPEN_END, Origin, RawBlock, Refused

FILE = "file.damaged"
ROW_GROUP = "row_group.damaged"
BLOCK = "block.damaged"


class Damaged(DataFailure):
    """A file is of its format, and not whole: its rows, or some of them, cannot be read. Exit code 3."""


def whole_file(path: str, why: object) -> Refused:
    """A file of which nothing can be read."""
    found = storage.status(path)
    return Refused(0, OPEN_END, found.size if found else 0, FILE, str(why))


def refused_block(file: str, refused: Refused) -> RawBlock:
    """What stands for a range that cannot be read."""
    return RawBlock(Origin(file, refused.start, refused.end), b"", None, (), refused.size, refused=refused)


def without(ranges: Iterable[tuple[int, int]], refused: Iterable[Refused]) -> tuple[tuple[int, int], ...]:
    """What is left of the ranges of a file; what is refused takes whole row groups, or all of it.

    >>> without([(0, 10), (10, 20)], [Refused(4, 6, 1, ROW_GROUP, "")])
    ((0, 4), (6, 10), (10, 20))
    """
    left = list(ranges)
    for gone in refused:
        left = [
            (start, end)
            for whole in left
            for start, end in ((whole[0], min(whole[1], gone.start)), (max(whole[0], gone.end), whole[1]))
            if start < end
        ]
    return tuple(left)
