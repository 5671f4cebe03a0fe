"""Which window of the split a row falls into."""

from datetime import datetime
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.learn.examples import WINDOWS
from headrace.rules.instants import microseconds
from headrace.spec.model import Split
from headrace.spec.values import parse_instant

OUTSIDE = -1


class Bounds(NamedTuple):
    """A window: from the first instant up to, not including, the second."""

    start: datetime
    end: datetime


class Windows(NamedTuple):
    """The windows of a split, in the order of `WINDOWS`; None where there is no test window. Picklable."""

    bounds: tuple[Bounds | None, ...]

    @classmethod
    def of(cls, split: Split) -> Self:
        """Read the bounds; dates are midnight UTC."""
        found = [getattr(split, name) for name in WINDOWS]
        return cls(tuple(window and Bounds(parse_instant(window[0]), parse_instant(window[1])) for window in found))

    def place(self, at: pa.Array) -> npt.NDArray[np.int8]:
        """For each timestamp or date the number of its window in `WINDOWS`; OUTSIDE for none, and for null.

        >>> windows = Windows.of(Split(train=("2013-01-01", "2013-02-01"), valid=("2013-02-01", "2013-03-01")))
        >>> windows.place(pa.array([datetime(2013, 1, 31), datetime(2013, 2, 1), datetime(2013, 3, 1), None])).tolist()
        [0, 1, -1, -1]
        """
        instants = at.cast(pa.timestamp("us")).cast(pa.int64())
        values = instants.fill_null(0).to_numpy(zero_copy_only=False)
        present = instants.is_valid().to_numpy(zero_copy_only=False)
        placed = np.full(len(values), OUTSIDE, np.int8)
        for number, window in enumerate(self.bounds):
            if window is not None:
                inside = (values >= microseconds(window.start)) & (values < microseconds(window.end))
                placed[inside & present & (placed == OUTSIDE)] = number
        return placed
