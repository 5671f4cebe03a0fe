"""Which cells hold which bytes, without looking at cells one by one."""

from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace.rows.cells import as_mask
from headrace.rows.lines import Ints

ByteClass = NDArray[np.bool_]
"""For each of the 256 bytes whether it is meant."""


@cache
def byte_class(letters: bytes, *, inverted: bool = False) -> ByteClass:
    """These bytes, or all but these."""
    meant = np.full(256, inverted)
    meant[list(letters)] = not inverted
    return meant


def may_hold(cells: pa.StringArray, letter: str) -> bool:
    """Whether the ASCII letter, small or capital, stands in a cell or in what is left over under a null."""
    data = cells.buffers()[2]
    # 0x20 is what sets a small letter apart from its capital.
    return data is not None and bool(((np.frombuffer(data, np.uint8) | 0x20) == ord(letter)).any())


def holding(cells: pa.StringArray, meant: ByteClass) -> Ints:
    """The numbers of the cells that hold a byte of the class, ascending; null holds none.

    >>> holding(pa.array(["1", "2x", None, "", "X"]), byte_class(b"xX")).tolist()
    [1, 4]
    """
    _, offsets, data = cells.buffers()
    ends = np.frombuffer(offsets, np.int32)[cells.offset : cells.offset + len(cells) + 1]
    if data is None or not len(cells):
        return np.empty(0, np.int64)
    at = np.flatnonzero(meant[np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]]) + ends[0]
    found = np.unique(np.searchsorted(ends, at, side="right") - 1)
    # What is under a null is left over from something else.
    return found[as_mask(cells.is_valid())[found]] if cells.null_count else found
