"""Count scores by the values of a column, for metrics by slice."""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace.learn.score_counts import Floats, ScoreCounts

WHOLE = ""
"""The column name under which all rows together are counted."""

type SliceCounts = dict[tuple[str, str | None], ScoreCounts]
"""(column, value as text; None is null) → counts. (WHOLE, None) holds every row."""


def count_slices(scores: Floats, labels: npt.ArrayLike, columns: Mapping[str, pa.Array]) -> SliceCounts:
    """Counts of all rows, and of the rows of each value of each column.

    >>> found = count_slices([0.5, 0.25], [1, 0], {"carrier": pa.array(["AA", None])})
    >>> sorted((name, str(value), counts.rows) for (name, value), counts in found.items())
    [('', 'None', 2), ('carrier', 'AA', 1), ('carrier', 'None', 1)]
    """
    score, label = np.asarray(scores, dtype=np.float32), np.asarray(labels)
    found: SliceCounts = {(WHOLE, None): ScoreCounts.of(score, label)}
    for name, column in columns.items():
        coded = pc.dictionary_encode(pc.cast(column, pa.string()), null_encoding="encode")
        codes = coded.indices.to_numpy(zero_copy_only=False)
        order = np.argsort(codes, kind="stable")
        ends = np.cumsum(np.bincount(codes, minlength=len(coded.dictionary)))
        for value, rows in zip(coded.dictionary.to_pylist(), np.split(order, ends[:-1]), strict=True):
            found[name, value] = ScoreCounts.of(score[rows], label[rows])
    return found


def merge_slices(parts: Iterable[SliceCounts]) -> SliceCounts:
    """The counts of all parts together, keys in order (null first)."""
    gathered: dict[tuple[str, str | None], list[ScoreCounts]] = {}
    for part in parts:
        for key, counts in part.items():
            gathered.setdefault(key, []).append(counts)
    ordered = sorted(gathered, key=lambda key: (key[0], key[1] is not None, key[1] or ""))
    return {key: ScoreCounts.merged(gathered[key]) for key in ordered}
