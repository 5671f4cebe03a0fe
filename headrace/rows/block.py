"""The Beam element: rows with their origin."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

HEAD_BYTES = 64_000
"""How much is kept of a line longer than `line.max_bytes`."""

OPEN_END = 1 << 62
"""The end of a range that reaches as far as its file does, where only reading it all tells how far."""


class Origin(NamedTuple):
    """Where rows came from: a file and the half-open range of its uncompressed bytes, or of Parquet its rows."""

    file: str
    start: int
    end: int


class LongLine(NamedTuple):
    """A line longer than `line.max_bytes`, of which only the head was held in memory."""

    offset: int  # of its first byte in the file
    head: bytes  # the first HEAD_BYTES
    length: int  # bytes, without the line end
    digest: str  # SHA-256 of the whole line, hex


class Refused(NamedTuple):
    """A range of a file whose rows cannot be read; it is one row of quarantine."""

    start: int
    end: int
    size: int  # bytes of the file that it takes
    reason: str  # as in quarantine
    why: str  # for people


class RawBlock(NamedTuple):
    """Whole rows as they are in the file; `tail` follows them where it was too long to hold."""

    origin: Origin  # covers data and tail
    data: bytes  # whole rows of lines, the last with or without its line end; starts at origin.start
    tail: LongLine | None = None
    header: tuple[str, ...] = ()  # column of each field, "" where it is not kept; empty where lines name their own
    packed: int | None = None  # bytes of the file that it took, where they are others than its origin's
    bounds: NDArray[np.int64] | None = None  # of the rows in data, where known: each begins and, but a newline, ends
    rows: pa.RecordBatch | None = None  # in place of data, where rows come with types; `header` is of these columns
    refused: Refused | None = None  # in place of rows, where the range cannot be read

    @property
    def work(self) -> int:
        """Bytes of the file that it took."""
        return self.origin.end - self.origin.start if self.packed is None else self.packed


class Block(NamedTuple):
    """Rows and the origin they came from. Shape: any number of rows, also none."""

    origin: Origin
    rows: pa.RecordBatch


class Counts(NamedTuple):
    """The account of one block: read = accepted + quarantined."""

    origin: Origin
    read: int
    accepted: int
    quarantined: int
    reasons: dict[str, int]  # how many rows broke each rule; a row counts once for each
    refused: Refused | None = None  # that the block is of a range that cannot be read


class Checked(NamedTuple):
    """The ways out of a check: every row takes exactly one of the first two."""

    accepted: pa.RecordBatch
    quarantined: pa.RecordBatch
    counts: Counts
