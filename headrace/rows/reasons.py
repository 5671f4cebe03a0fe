"""Why lines of a block are quarantined."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from headrace.rows.lines import Ints


class Reasons:
    """Collects the lines that each reason holds for; what it gives is in the order reasons were added.

    >>> reasons = Reasons()
    >>> reasons.add("b", np.array([1, 4]))
    >>> reasons.add("a", np.array([4]))
    >>> reasons.lines.tolist(), reasons.lists().to_pylist(), reasons.counts()
    ([1, 4], [['b'], ['b', 'a']], {'b': 2, 'a': 1})
    """

    def __init__(self, found: Iterable[tuple[str, Ints]] = ()) -> None:
        self._found = dict(found)

    def add(self, reason: str, lines: Ints) -> None:
        """Note that a reason holds for these lines, ascending; a line counts once for each reason."""
        if lines.size:
            self._found[reason] = np.union1d(self._found[reason], lines) if reason in self._found else lines

    @property
    def lines(self) -> Ints:
        """Every line that has a reason, ascending, each once."""
        return np.unique(self._all())

    def lists(self) -> pa.ListArray:
        """The reasons of each of `lines`."""
        lines = self._all()
        which = np.repeat(np.arange(len(self._found), dtype=np.int32), [at.size for at in self._found.values()])
        order = np.argsort(lines, kind="stable")
        _, sizes = np.unique(lines, return_counts=True)
        names = pa.array(list(self._found), pa.string())
        offsets = np.append(0, np.cumsum(sizes)).astype(np.int32)
        return pa.ListArray.from_arrays(offsets, names.take(pa.array(which[order], pa.int32())))

    def counts(self) -> dict[str, int]:
        """How many lines each reason holds for."""
        return {reason: int(at.size) for reason, at in self._found.items()}

    def _all(self) -> Ints:
        return np.concatenate([np.empty(0, np.int64), *self._found.values()])
