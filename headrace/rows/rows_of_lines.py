"""Which lines of CSV are one row: a line's end that stands inside a quoted cell ends no row."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.rows.cells import Mask
from headrace.rows.lines import Ints, Lines

_STEP = 1 << 20  # bytes looked at in one go: keeps the temporary arrays small and in the cache


class RowStarts(NamedTuple):
    """The lines that begin a row, and whether the last row is one whose end has not been seen."""

    first: Mask
    unfinished: bool


def row_starts(lines: Lines, quote: str, delimiter: str, max_bytes: int) -> RowStarts:
    r"""Which lines begin a row, where the first one does.

    A row ends at the first line end that no quoted cell holds, and with a line in which
    a quote stands where RFC 4180 has none: such a row is broken, and the next line is a
    row of its own right. A quote that stays open reaches over as many whole lines as
    fit `max_bytes`, at least the first.

    >>> row_starts(Lines.of(b'a,"b\nc"\nd\n"e"f\n"g\n'), '"', ",", 99)
    RowStarts(first=array([ True, False,  True,  True,  True]), unfinished=True)
    >>> row_starts(Lines.of(b'"a\nb\nc\n'), '"', ",", 4).first.tolist()
    [True, False, True]
    """
    quotes = _QuotedLines.of(lines, quote, delimiter)
    first = np.ones(len(lines), np.bool_)
    at, inside = 0, False
    while at < len(lines):
        within = quotes.inside(at)
        first[at], first[at + 1 :] = True, ~within[:-1]
        inside = bool(within[-1])
        again = _too_long(lines, first, at, max_bytes)
        if again is None:
            break
        at = again
    return RowStarts(first, inside)


def rows_of_lines(lines: Lines, starts: Mask) -> Lines:
    r"""The lines put together to rows.

    >>> rows = rows_of_lines(Lines.of(b"a\r\nb\r\nc"), np.array([True, False, True]))
    >>> rows.texts(np.arange(len(rows)))
    [b'a\r\nb', b'c']
    """
    if starts.all():
        return lines
    begin = np.flatnonzero(starts)
    return Lines(
        lines.data,
        np.append(lines.bounds[begin], lines.bounds[-1]),
        lines.ends[np.append(begin[1:], len(lines)) - 1],
    )


def _too_long(lines: Lines, first: Mask, at: int, max_bytes: int) -> int | None:
    """The line from which to look again, as the row before it is cut off there; None where no row is too long."""
    begin = np.flatnonzero(first[at:]) + at
    last = np.append(begin[1:], len(lines)) - 1
    wrong = np.flatnonzero((last > begin) & (lines.ends[last] - lines.bounds[begin] > max_bytes))
    if not wrong.size:
        return None
    row = int(begin[wrong[0]])
    fits = int(np.searchsorted(lines.ends, lines.bounds[row] + max_bytes, side="right"))
    return max(fits, row + 1)


class _QuotedLines(NamedTuple):
    """What each line does to being inside a quoted cell: it sets it, or it flips it or leaves it alone."""

    sets: Ints  # the last line up to this one that sets it; -1 before any
    to: Mask  # what a line sets it to
    flips: Ints  # how many lines up to this one flip it

    @classmethod
    def of(cls, lines: Lines, quote: str, delimiter: str) -> "_QuotedLines":
        data = np.frombuffer(lines.data, np.uint8)
        outside = np.zeros(len(lines), np.bool_)  # inside a cell after the line, if it began outside of any
        inside = np.ones(len(lines), np.bool_)  # and if it began inside of one
        cuts = np.searchsorted(lines.bounds, np.arange(0, len(data) + _STEP, _STEP))
        cuts = np.unique(np.minimum(cuts, len(lines)))
        for start, stop in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
            bounds = lines.bounds[start : stop + 1]
            line, closed, opened = _after(data, bounds, ord(quote), ord(delimiter))
            outside[start + line], inside[start + line] = closed, opened
        sets = np.where(outside == inside, np.arange(len(lines)), -1)
        return cls(np.maximum.accumulate(sets), outside, np.cumsum(outside & ~inside))

    def inside(self, at: int) -> Mask:
        """After each line from that one on, whether it is inside a cell, where that line begins outside of any."""
        sets, flips = self.sets[at:], self.flips[at:]
        known = sets >= at
        base = np.where(known, self.to[sets], False)
        before = np.where(known, self.flips[sets], self.flips[at - 1] if at else 0)
        result: Mask = base ^ ((flips - before) % 2 == 1)
        return result


def _after(data: NDArray[np.uint8], bounds: Ints, quote: int, delimiter: int) -> tuple[Ints, Mask, Mask]:
    """Lines with quotes, and whether a cell is open behind each, if none was open before it and if one was."""
    start = int(bounds[0])
    window = data[start : bounds[-1]]
    at = np.flatnonzero(window == quote)
    if not at.size:
        nothing = np.empty(0, np.bool_)
        return at, nothing, nothing
    begins = bounds - start
    line = np.searchsorted(begins, at, side="right") - 1
    place = np.arange(at.size)
    first = np.append(True, line[1:] != line[:-1])
    odd = (place - np.maximum.accumulate(np.where(first, place, 0))) % 2 == 1
    before = np.where(at > begins[line], window[at - 1], delimiter)
    after = window[np.minimum(at + 1, window.size - 1)]  # at the very end: itself, which is a quote
    may_open = (before == delimiter) | (before == quote)
    may_close = (after == delimiter) | (after == quote) | (after == ord("\n")) | (after == ord("\r"))
    # Quotes open and close in turn; in a line that begins inside a cell the first one closes.
    wrong_outside = np.where(odd, ~may_close, ~may_open)
    wrong_inside = np.where(odd, ~may_open, ~may_close)
    starts = np.flatnonzero(first)
    many = ~odd[np.append(starts[1:], at.size) - 1]  # an odd number of quotes
    well_outside = ~np.logical_or.reduceat(wrong_outside, starts)
    well_inside = ~np.logical_or.reduceat(wrong_inside, starts)
    return line[starts], many & well_outside, ~many & well_inside
