"""How many positive and negative examples got each score: all that exact metrics need."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

type Floats = npt.NDArray[np.float32]
type Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ScoreCounts:
    """Counts per distinct float32 score, the same for any order or split of the examples.

    Three arrays of one length: `scores` float32, ascending and distinct;
    `positives` and `negatives` int64, the labels seen with that score; what is merged may be narrower.

    >>> one = ScoreCounts.of([0.5, 0.25, 0.5], [1, 0, 0])
    >>> one.scores.tolist(), one.positives.tolist(), one.negatives.tolist()
    ([0.25, 0.5], [0, 1], [1, 1])
    >>> both = ScoreCounts.merged([one, ScoreCounts.of([0.75], [1])])
    >>> both.rows, both.positive_rows
    (4, 2)
    """

    scores: Floats
    positives: Ints
    negatives: Ints

    @classmethod
    def of(cls, scores: npt.ArrayLike, labels: npt.ArrayLike) -> Self:
        """Count examples; labels are 0 or 1.

        Raises:
            ValueError: the lengths differ, a score is no number, or a label is neither 0 nor 1.
        """
        score, positive = checked(scores, labels)
        return cls._summed(score, positive.astype(np.int64), (~positive).astype(np.int64))

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """The counts of all parts together; of none, empty counts."""
        found = list(parts)
        if not found:
            return cls.of([], [])
        return cls._summed(
            np.concatenate([part.scores for part in found]),
            np.concatenate([part.positives for part in found]),
            np.concatenate([part.negatives for part in found]),
        )

    @classmethod
    def _summed(cls, scores: Floats, positives: Ints, negatives: Ints) -> Self:
        if not len(scores):
            return cls(scores.astype(np.float32), positives.astype(np.int64), negatives.astype(np.int64))
        order = np.argsort(scores, kind="stable")
        ordered = scores[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        return cls(
            ordered[starts],
            np.add.reduceat(positives[order], starts, dtype=np.int64),
            np.add.reduceat(negatives[order], starts, dtype=np.int64),
        )

    @property
    def rows(self) -> int:
        """How many examples were counted."""
        return int(self.positives.sum() + self.negatives.sum())

    @property
    def positive_rows(self) -> int:
        """How many of them were positive."""
        return int(self.positives.sum())


def checked(scores: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Scores as float32 and whether each label is 1.

    Raises:
        ValueError: the lengths differ, a score is no number, or a label is neither 0 nor 1.
    """
    # Adding 0.0 makes -0.0 and 0.0 one score.
    score = np.asarray(scores, dtype=np.float32).ravel() + np.float32(0.0)
    label = np.asarray(labels).ravel()
    if len(score) != len(label):
        raise ValueError(f"{len(score)} scores but {len(label)} labels")
    if np.isnan(score).any():
        raise ValueError(f"{int(np.isnan(score).sum())} of {len(score)} scores are no numbers")
    positive = label == 1
    if not (positive | (label == 0)).all():
        raise ValueError("labels must be 0 or 1")
    return score, positive
