"""Strict quoting of CSV lines (RFC 4180, one line at a time)."""

import numpy as np
from numpy.typing import NDArray

from headrace.rows.lines import Ints, Lines

_STEP = 1 << 20  # bytes looked at in one go: keeps the temporary arrays small and in the cache


def misquoted(lines: Lines, quote: str, delimiter: str) -> Ints:
    r"""The lines whose quotes do not pair up around whole fields, ascending.

    A quoted field begins right after a delimiter or the line's start, ends right
    before a delimiter or the line's end, and holds quotes only doubled; a field
    that is not quoted holds none. Lines here may be whole rows, with line ends in quoted fields.

    >>> misquoted(Lines.of(b'"a""b",c\n"a"b\na"b"\n"a\n"",""\n'), '"', ',').tolist()
    [1, 2, 3]
    """
    data = np.frombuffer(lines.data, np.uint8)
    cuts = np.searchsorted(lines.bounds, np.arange(0, len(data) + _STEP, _STEP))
    cuts = np.unique(np.minimum(cuts, len(lines)))
    found = [
        _misquoted(data, lines.bounds[first : last + 1], ord(quote), ord(delimiter)) + first
        for first, last in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)
    ]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _misquoted(data: NDArray[np.uint8], bounds: Ints, quote: int, delimiter: int) -> Ints:
    """The same for the lines between the given bounds, numbered from the first of them."""
    base = int(bounds[0])
    window = data[base : bounds[-1]]
    at = np.flatnonzero(window == quote)
    if not at.size:
        return at
    starts = bounds - base
    line = np.searchsorted(starts, at, side="right") - 1
    place = np.arange(at.size)
    first = np.append(True, line[1:] != line[:-1])
    last = np.append(first[1:], True)
    # Within a line, quotes open and close in turn; a doubled one closes and opens again at once.
    opens = (place - np.maximum.accumulate(np.where(first, place, 0))) % 2 == 0
    before = np.where(at > starts[line], window[at - 1], delimiter)
    after = window[np.minimum(at + 1, window.size - 1)]  # at the very end: itself, which is a quote
    well = np.where(
        opens,
        ((before == delimiter) | (before == quote)) & ~last,
        (after == delimiter) | (after == quote) | (after == ord("\n")) | (after == ord("\r")),
    )
    return np.unique(line[~well])
