"""What is wrong with lines before any parser sees them."""

import re

import numpy as np
import pyarrow as pa

from headrace.rows.lines import Ints, Lines
from headrace.rows.quotes import misquoted
from headrace.spec.data_set import Source

_NEWLINE = 10
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def line_faults(lines: Lines, source: Source) -> list[tuple[str, Ints]]:
    """Every line that no parser may see, by reason; each list ascends, and a line may stand in several.

    A line that is too long is not looked into, so that it has the same one
    reason whether it was held in memory or not.
    """
    data, json = lines.data, source.format != "csv"
    found: list[tuple[str, Ints]] = []
    escapes = json and b"\\" in data  # one byte is found much faster than six
    if b"\0" in data or (escapes and b"\\u0000" in data):
        found.append(("line.nul", lines.at(_nuls(data, escaped=json))))
    if b"\r" in data:
        found.append(("line.cr", _bare_returns(lines)))
    if not _is_utf8(data):
        found.append(("line.utf8", _not_utf8(lines)))
    if source.format == "csv" and source.quote and source.quote.encode() in data:
        found.append(("line.quote", misquoted(lines, source.quote, source.delimiter)))
    lengths = lines.lengths
    found.append(("line.blank", np.flatnonzero(lengths == 0)))
    too_long = np.flatnonzero(lengths > source.line.max_bytes)
    if too_long.size:
        found = [(reason, np.setdiff1d(at, too_long, assume_unique=True)) for reason, at in found]
        found.append(("line.too_long", too_long))
    return [(reason, at) for reason, at in found if at.size]


def _positions(data: bytes, byte: bytes) -> Ints:
    return np.flatnonzero(np.frombuffer(data, np.uint8) == byte[0])


def _nuls(data: bytes, *, escaped: bool) -> Ints:
    """Where NUL stands; also where JSON spells it as an escape, which is as unwelcome in a cell."""
    spelled = [found.start() for found in _ESCAPED_NUL.finditer(data)] if escaped else []
    return np.sort(np.append(_positions(data, b"\0"), np.array(spelled, np.int64)))


def _bare_returns(lines: Lines) -> Ints:
    """Lines with a CR that does not belong to a line end."""
    at = np.frombuffer(lines.data, np.uint8)
    returns = _positions(lines.data, b"\r")
    following = at[np.minimum(returns + 1, at.size - 1)]  # at the very end: itself, which is no line end
    return lines.at(returns[following != _NEWLINE])


def _is_utf8(data: bytes) -> bool:
    """Whether the bytes are UTF-8 throughout; allocates nothing in proportion to them."""
    if data.isascii():
        return True
    offsets = pa.py_buffer(np.array([0, len(data)], np.int64))
    whole = pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(data)])
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _not_utf8(lines: Lines) -> Ints:
    """Lines that are not UTF-8; no character spans a newline, so each is judged alone.

    Runs of lines are halved until they are sound or one line is left: a few bad lines
    among many cost a few looks at ever smaller parts.
    """
    found: list[int] = []
    runs = [(0, len(lines))] if len(lines) else []
    while runs:
        first, end = runs.pop()
        if _is_utf8(lines.data[lines.bounds[first] : lines.bounds[end]]):
            continue
        if end - first == 1:
            found.append(first)
        else:
            half = (first + end) // 2
            runs += [(half, end), (first, half)]
    return np.array(found, np.int64)
