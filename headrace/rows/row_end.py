"""Where a file of lines can be cut, seen through a window that is held in memory."""

import numpy as np

from headrace.rows.lines import Lines
from headrace.rows.rows_of_lines import row_starts
from headrace.spec.data_set import Source


def held_bytes(target: int, source: Source) -> int:
    """How long a window shows the end of every row that reaches over `target` and is not too long to hold."""
    return target + source.line.max_bytes + len(b"\r\n")


def row_end(window: bytes, target: int, source: Source) -> int | None:
    r"""Right after the first row that ends behind `target` bytes; None where the window does not show its end.

    The window begins with a row and is at least `held_bytes` long, unless the file ends with it. So
    where there is no such end, it is the file's, or that of a line that is too long to
    hold; that line begins after the last newline of the window, and is a row.

    >>> row_end(b'a,"b\n"\nc,d\n', 2, Source(format="csv", path="", multiline=True))
    7
    """
    if not source.multiline:
        return window.find(b"\n", target) + 1 or None
    whole = window.rfind(b"\n") + 1
    lines = Lines.of(window[:whole])
    starts = row_starts(lines, source.quote, source.delimiter, source.line.max_bytes)
    ends = lines.bounds[1:][np.append(starts.first[1:], not starts.unfinished)] if whole else lines.ends
    behind = ends[ends > target]
    if behind.size:
        return int(behind[0])
    # A row that is still open where so much is held has as many lines as it can have.
    return whole if whole > target and len(window) >= held_bytes(target, source) else None
