"""What the parsers of all formats make of a block."""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from headrace.rows.block import HEAD_BYTES
from headrace.rows.lines import Ints
from headrace.rows.reasons import Reasons
from headrace.rows.row_steps import Rows


class RawRow(NamedTuple):
    """A row as it was delivered, or what is kept of one that is too long."""

    text: bytes
    length: int  # of the whole row, in bytes
    digest: str | None  # SHA-256 of the whole row, where `text` is only its head

    @classmethod
    def of(cls, text: bytes, max_bytes: int) -> "RawRow":
        """The whole row, or the head of one that is longer than `max_bytes`."""
        if len(text) <= max_bytes:
            return cls(text, len(text), None)
        return cls(text[:HEAD_BYTES], len(text), hashlib.sha256(text).hexdigest())


class Parsed(NamedTuple):
    """The rows of a block: those with values, and why the others have none."""

    places: Ints  # of every row of the block, as `_offset` tells it
    reasons: Reasons  # by the number of the row within the block
    sound: Ints  # the numbers of the rows that have values, ascending
    rows: Rows  # these rows
    raw: Callable[[Ints], list[RawRow]]  # rows by their numbers, as they were delivered
