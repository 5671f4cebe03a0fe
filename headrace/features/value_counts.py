"""How often each value occurs: what quantiles, the mode and vocabularies are made of."""

from fractions import Fraction
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from headrace.features.bottom_k import BottomK
from headrace.features.json_values import from_json, tagged_type, to_json, type_tag
from headrace.features.view import numbers
from headrace.rows.key_hash import UInt64

CAP = 65_536  # distinct values that are counted exactly
SAMPLE = 16_384  # present rows kept for the case that there are more


class Distribution(NamedTuple):
    """Values in rising order with their counts; `exact` is false where they come from a sample."""

    values: pa.Array
    counts: NDArray[np.int64]
    exact: bool

    def quantile(self, q: Fraction) -> float | None:
        """The lower empirical quantile: the smallest value v with at least a share q of the values ≤ v.

        Source: type 1 of Hyndman and Fan, Sample quantiles in statistical packages (1996).

        >>> half = Fraction(1, 2)
        >>> Distribution(pa.array([10, 20, 30]), np.array([1, 1, 2]), True).quantile(half)
        20.0
        """
        if not len(self.values):
            return None
        upto = np.cumsum(self.counts)
        rank = max(1, -(-q.numerator * int(upto[-1]) // q.denominator))
        at = int(np.searchsorted(upto, rank))
        return float(numbers(self.values.slice(at, 1))[0])

    def mode(self) -> float | None:
        """The most frequent value; the smallest of them where several are.

        >>> Distribution(pa.array([1, 5, 9]), np.array([2, 3, 3]), True).mode()
        5.0
        """
        if not len(self.values):
            return None
        return float(numbers(self.values.slice(int(np.argmax(self.counts)), 1))[0])

    def ranking(self, longest: int, min_count: Fraction) -> pa.Array:
        """The most frequent values first, equal counts in rising order; at most `longest` of them.

        >>> counted = Distribution(pa.array(["a", "b", "c"]), np.array([1, 2, 2]), True)
        >>> counted.ranking(2, Fraction(1)).to_pylist()
        ['b', 'c']
        """
        order = np.argsort(-self.counts, kind="stable")[:longest]
        enough = self.counts[order] * min_count.denominator >= min_count.numerator
        return self.values.take(pa.array(order[enough], pa.int64()))


class ValueCounts:
    """Counts of a column's present values, equal for any order, split and merge.

    Up to `CAP` distinct values they are exact. Above it a uniform sample of
    `SAMPLE` rows with a value stands for all; which rows, their key hashes
    decide. The rank error is under 0.013 in 99 of 100 draws (inequality of
    Dvoretzky, Kiefer, Wolfowitz). Missing is what `view.numbers` says.
    Memory: at most 2·CAP values with a count each, 2·SAMPLE values with a key
    each, and one batch; for doubles 3 MB.
    """

    def __init__(self, arrow: pa.DataType) -> None:
        self.present = 0
        self._type = arrow
        self._counted: list[tuple[pa.Array, NDArray[np.int64]]] | None = []  # None: more than CAP distinct values
        self._sample = BottomK(SAMPLE, pa.schema({"value": arrow}))

    def update(self, column: pa.Array, keys: UInt64) -> None:
        """Take in a batch, `keys[i]` being the hash of the key of row i."""
        if pa.types.is_floating(column.type):
            column = pa.array(numbers(column) + 0.0, column.type, from_pandas=True)
        elif pa.types.is_decimal(column.type):
            column = pc.if_else(pa.array(np.isnan(numbers(column))), pa.scalar(None, column.type), column)
        if column.null_count:
            there = pc.is_valid(column)
            column, keys = column.filter(there), keys[there.to_numpy(zero_copy_only=False)]
        self.present += len(column)
        self._sample.update(pa.record_batch([column], names=["value"]), keys)
        if self._counted is not None:
            found = column.value_counts()
            self._count(found.field("values"), found.field("counts").to_numpy())

    def merge(self, other: Self) -> None:
        """Take in what the other has counted."""
        self.present += other.present
        self._sample.merge(other._sample)
        if other._counted is None:
            self._counted = None
        elif self._counted is not None:
            for values, counts in other._counted:
                self._count(values, counts)

    def _count(self, values: pa.Array, counts: NDArray[np.int64]) -> None:
        if self._counted is None:
            return
        self._counted.append((values, counts))
        if sum(len(values) for values, _ in self._counted) > 2 * CAP:
            self._gather()

    def _gather(self) -> tuple[pa.Array, NDArray[np.int64]] | None:
        """One count per value, or None (for good) where there are more than CAP."""
        if self._counted is None:
            return None
        values = pa.concat_arrays([pa.array([], self._type), *(values for values, _ in self._counted)])
        encoded = values.dictionary_encode()
        weights = np.concatenate([np.zeros(0, np.int64), *(counts for _, counts in self._counted)])
        # float64 sums of counts are exact below 2^53 rows.
        counts = np.bincount(encoded.indices.to_numpy(), weights, len(encoded.dictionary)).astype(np.int64)
        if len(counts) > CAP:
            self._counted = None
            return None
        self._counted = [(encoded.dictionary, counts)]
        return self._counted[0]

    def distribution(self) -> Distribution:
        """What has been seen so far."""
        gathered = self._gather()
        if gathered is None:
            found = self._sample.rows.column("value").combine_chunks().value_counts()
            values, counts = found.field("values"), found.field("counts").to_numpy()
        else:
            values, counts = gathered
        order = pc.sort_indices(values)
        return Distribution(values.take(order), counts[order.to_numpy()], exact=gathered is not None)

    def to_json(self) -> dict[str, Any]:
        """Counts by rising value, and the sample; byte-identical for the same rows."""
        found = self.distribution()
        return {
            "type": type_tag(self._type),
            "present": self.present,
            "values": to_json(found.values) if found.exact else None,
            "counts": found.counts.tolist() if found.exact else None,
            "sample": self._sample.to_json(),
        }

    @classmethod
    def from_json(cls, held: dict[str, Any]) -> Self:
        """Inverse of `to_json`."""
        counted = cls(tagged_type(held["type"]))
        counted.present = held["present"]
        counted._sample = BottomK.from_json(SAMPLE, held["sample"])
        counted._counted = (
            None
            if held["values"] is None
            else [(from_json(held["values"], counted._type), np.array(held["counts"], np.int64))]
        )
        return counted
