"""The lines of a block, as offsets into its bytes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_NEWLINE, _CR = 10, 13


class Lines(NamedTuple):
    """The lines of a block; line i is `data[bounds[i]:bounds[i + 1]]` with, `[…:ends[i]]` without its end."""

    data: bytes
    bounds: Ints  # one more than there are lines
    ends: Ints

    @classmethod
    def of(cls, data: bytes) -> "Lines":
        r"""Split at LF; a CR right before it belongs to the line end.

        >>> lines = Lines.of(b"a,1\r\nb\n\nc")
        >>> [data[start:end] for data, start, end in zip([lines.data] * 4, lines.bounds, lines.ends)]
        [b'a,1', b'b', b'', b'c']
        """
        at = np.frombuffer(data, np.uint8)
        newlines = np.flatnonzero(at == _NEWLINE)
        bounds = np.append(0, newlines + 1)
        ends = newlines
        if b"\r" in data:
            ends = newlines - ((at[newlines - 1] == _CR) & (newlines > 0))
        if bounds[-1] < len(data):  # the last line has no end
            bounds = np.append(bounds, len(data))
            ends = np.append(ends, len(data))
        return cls(data, bounds, ends)

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def lengths(self) -> Ints:
        """Bytes of each line, without its end."""
        return self.ends - self.bounds[:-1]

    def texts(self, at: Ints) -> list[bytes]:
        """The given lines, each without its end."""
        spans = zip(self.bounds[at].tolist(), self.ends[at].tolist(), strict=True)
        return [self.data[start:end] for start, end in spans]

    def only(self, lines: Ints) -> "Lines":
        r"""The given lines, ascending, as the lines of a block of their own.

        >>> Lines.of(b"a\r\nb\nc").only(np.array([0, 2]))
        Lines(data=b'a\r\nc', bounds=array([0, 3, 4]), ends=array([1, 4]))
        """
        if lines.size == len(self):
            return self
        taken = np.diff(self.bounds)[lines]
        bounds = np.append(0, np.cumsum(taken))
        data = self.without(np.delete(np.arange(len(self)), lines))
        return Lines(data, bounds, bounds[:-1] + self.lengths[lines])

    def between(self, first: int, last: int) -> "Lines":
        r"""Lines from one on and before another, as the lines of a block of their own.

        >>> Lines.of(b"a\nb\nc").between(1, 3)
        Lines(data=b'b\nc', bounds=array([0, 2, 3]), ends=array([1, 3]))
        """
        start, end = int(self.bounds[first]), int(self.bounds[last])
        return Lines(self.data[start:end], self.bounds[first : last + 1] - start, self.ends[first:last] - start)

    def without(self, lines: Ints) -> bytes:
        """The block without the given lines."""
        if not lines.size:
            return self.data
        starts = np.concatenate(([0], self.bounds[lines + 1])).tolist()
        stops = np.append(self.bounds[lines], len(self.data)).tolist()
        return b"".join(self.data[start:stop] for start, stop in zip(starts, stops, strict=True))

    def at(self, positions: Ints) -> Ints:
        """The lines in which the given bytes stand, ascending, each once."""
        return np.unique(np.searchsorted(self.bounds, positions, side="right") - 1)
