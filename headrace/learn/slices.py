"""Counts per score and per value of a column: what metrics by slice need, in memory or in mapped files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace.learn.score_counts import Floats, ScoreCounts, checked

WHOLE = ""
"""The column name under which all rows together are counted, as one value, null."""

RUN = pa.schema(
    [
        ("value", pa.list_(pa.string())),
        ("rows", pa.list_(pa.int64())),  # per value
        ("end", pa.list_(pa.int64())),  # per value: where its scores end; they begin where those before it end
        ("score", pa.list_(pa.float32())),  # per value distinct and ascending
        ("positives", pa.list_(pa.uint32())),  # per score
        ("negatives", pa.list_(pa.uint32())),
    ]
)
"""One row: the counts of some examples by the values of one column."""


@dataclass(frozen=True)
class SliceCounts:
    """Counts of all rows and by the values of columns, merged value by value when asked.

    Only what is asked for is in memory: runs may be mapped files, and there are several where
    examples were counted in parts. The answer is the same for any split.
    """

    runs: Mapping[str, Sequence[pa.RecordBatch]]
    """Per column, in order, runs of `RUN`; those of every row under `WHOLE`."""

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """The counts of all parts together, nothing copied."""
        runs: dict[str, list[pa.RecordBatch]] = {}
        for part in parts:
            for column, found in part.runs.items():
                runs.setdefault(column, []).extend(found)
        return cls(runs)

    @property
    def columns(self) -> tuple[str, ...]:
        """Those whose values are counted."""
        return tuple(column for column in self.runs if column != WHOLE)

    def whole(self) -> ScoreCounts:
        """The counts of all rows."""
        return next((counts for _, counts in self.largest(WHOLE, 1)), ScoreCounts.of([], []))

    def values(self, column: str) -> list[tuple[str | None, int]]:
        """Every value as text (None is null) with its rows, the largest first, null before others of one size."""
        runs = self.runs.get(column, ())
        listed = pa.Table.from_arrays(
            [
                pa.chunked_array([_items(run, "value") for run in runs], pa.string()),
                pa.chunked_array([_items(run, "rows") for run in runs], pa.int64()),
            ],
            ["value", "rows"],
        )
        summed = listed.group_by("value").aggregate([("rows", "sum")])
        found = zip(summed.column("value").to_pylist(), summed.column("rows_sum").to_pylist(), strict=True)
        return sorted(found, key=lambda each: (-each[1], each[0] is not None, each[0] or ""))

    def largest(self, column: str, most: int) -> Iterator[tuple[str | None, ScoreCounts]]:
        """The counts of the values with the most rows, one after the other."""
        runs = self.runs.get(column, ())
        values = [value for value, _ in self.values(column)[:most]]
        wanted = pa.array(values, pa.string())
        places = [pc.index_in(wanted, value_set=_items(run, "value")).to_pylist() for run in runs]
        for value, *at in zip(values, *places, strict=True):
            held = [_counts(run, place) for run, place in zip(runs, at, strict=True) if place is not None]
            yield value, ScoreCounts.merged(held)


def count_slices(scores: npt.ArrayLike, labels: npt.ArrayLike, columns: Mapping[str, pa.ChunkedArray]) -> SliceCounts:
    """Counts of all rows, and of the rows of each value of each column; one run each.

    >>> found = count_slices([0.5, 0.25], [1, 0], {"carrier": pa.chunked_array([["AA"], [None]])})
    >>> found.whole().rows, [(value, counts.rows) for value, counts in found.largest("carrier", 9)]
    (2, [(None, 1), ('AA', 1)])

    Raises:
        ValueError: the lengths differ, a score is no number, or a label is neither 0 nor 1.
    """
    score, positive = checked(scores, labels)
    order = np.argsort(score, kind="stable")
    score, positive = score[order], positive[order]
    runs = {WHOLE: [_run([None], np.zeros(len(score), np.uint16), score, positive)]}
    for name, column in columns.items():
        coded = pc.dictionary_encode(pc.cast(column, pa.string()), null_encoding="encode").combine_chunks()
        codes = coded.indices.to_numpy(zero_copy_only=False)
        if len(coded.dictionary) < 1 << 16:
            codes = codes.astype(np.uint16)  # which numpy sorts by radix
        codes = codes[order]
        by_value = np.argsort(codes, kind="stable")
        runs[name] = [_run(coded.dictionary, codes[by_value], score[by_value], positive[by_value])]
    return SliceCounts(runs)


def _run(values: Sequence[None] | pa.Array, codes: npt.NDArray[Any], scores: Floats, positive: Any) -> pa.RecordBatch:
    """Rows sorted by code and score, counted."""
    new = np.ones(len(scores), bool)
    new[1:] = (codes[1:] != codes[:-1]) | (scores[1:] != scores[:-1])
    starts = np.flatnonzero(new)
    positives = np.add.reduceat(positive, starts, dtype=np.uint32) if len(starts) else np.zeros(0, np.uint32)
    columns = (
        values,
        np.bincount(codes, minlength=len(values)),
        np.searchsorted(codes[starts], np.arange(len(values)), side="right"),
        scores[starts],
        positives,
        np.diff(starts, append=len(scores)).astype(np.uint32) - positives,
    )
    return pa.RecordBatch.from_arrays(
        [_one(column, field) for column, field in zip(columns, RUN, strict=True)], schema=RUN
    )


def _one(column: Any, field: pa.Field) -> pa.ListArray:
    items = pa.array(column, field.type.value_type)
    return pa.ListArray.from_arrays(pa.array([0, len(items)], pa.int32()), items)


def _items(run: pa.RecordBatch, name: str) -> pa.Array:
    return run.column(name)[0].values


def _counts(run: pa.RecordBatch, place: int) -> ScoreCounts:
    ends = _items(run, "end")
    begin, end = ends[place - 1].as_py() if place else 0, ends[place].as_py()
    arrays = (_items(run, name).slice(begin, end - begin) for name in ("score", "positives", "negatives"))
    return ScoreCounts(*(array.to_numpy() for array in arrays))
