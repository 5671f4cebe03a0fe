"""How many rows of a scores table each bundle has scored, and how the scores are spread."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from headrace.features.exact_sum import ExactSum
from headrace.lake.reading import opened
from headrace.lake.snapshot import Snapshot

BINS = 50


@dataclass
class Spread:
    """Scores of one bundle: how many, their exact sum, and rows per bin of equal width from 0 to 1."""

    rows: int = 0
    total: ExactSum = field(default_factory=ExactSum)
    bins: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))

    def take(self, scores: npt.NDArray[np.float64]) -> None:
        """Take in more scores, all between 0 and 1.

        >>> spread = Spread()
        >>> spread.take(np.array([0.0, 0.01, 0.5, 1.0]))
        >>> spread.rows, spread.bins[[0, 25, 49]].tolist(), spread.mean
        (4, [2, 1, 1], 0.3775)
        """
        if not len(scores):
            return
        self.rows += len(scores)
        self.total.add(scores)
        places = np.clip((scores * BINS).astype(np.int64), 0, BINS - 1)
        self.bins += np.bincount(places, minlength=BINS)

    @property
    def mean(self) -> float | None:
        """Mean score; None without rows."""
        return float(self.total.value / self.rows) if self.rows else None


def spread_by_bundle(scores: Snapshot) -> dict[str, Spread]:
    """The spread of each bundle's scores; holds one column of one row group at a time."""
    found: dict[str, Spread] = {}
    for file in scores.files:
        spread = found.setdefault(str(file.partition["bundle"]), Spread())
        with opened(file.path) as parquet:
            for group in range(parquet.num_row_groups):
                spread.take(parquet.read_row_group(group, columns=["score"]).column(0).to_numpy().astype(np.float64))
    return found
