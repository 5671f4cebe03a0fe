"""A sample of rows that any worker would draw alike."""

from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.features.json_values import from_json, tagged_type, to_json, type_tag
from headrace.rows.key_hash import UInt64

_KEY = "#key"  # no column can be called so: it would be a comment in a project file


class BottomK:
    """The `k` rows with the smallest key hashes, ties by the rows' values: one set for any order, split and merge.

    As the hash says nothing about a value, this is a uniform sample of the
    keys. Memory: at most 2k rows and one batch.

    >>> sample = BottomK(2, pa.schema({"x": pa.int64()}))
    >>> sample.update(pa.record_batch({"x": [1, 2, 3]}), np.array([9, 4, 5], np.uint64))
    >>> sample.rows.column("x").to_pylist()
    [2, 3]
    """

    def __init__(self, k: int, columns: pa.Schema) -> None:
        self._k = k
        self._columns = columns
        self._rows = pa.schema([pa.field(_KEY, pa.uint64()), *columns]).empty_table()
        self._limit = _smallest(np.zeros(0, np.uint64), k)  # no key above it can be among the smallest any more

    def update(self, rows: pa.RecordBatch, keys: UInt64) -> None:
        """Offer the rows of a batch, `keys[i]` being the hash of the key of row i."""
        chosen = np.flatnonzero(keys <= self._limit)
        chosen = chosen[keys[chosen] <= _smallest(keys[chosen], self._k)]
        if not len(chosen):
            return
        near = rows.select(self._columns.names).take(pa.array(chosen))
        self._add(pa.table([pa.array(keys[chosen]), *near.columns], schema=self._rows.schema))

    def merge(self, other: Self) -> None:
        """Offer what the other has kept."""
        self._add(other._rows)

    def _add(self, rows: pa.Table) -> None:
        self._rows = pa.concat_tables([self._rows, rows])
        if len(self._rows) >= 2 * self._k:
            self._shrink()

    def _shrink(self) -> None:
        """Keep the k smallest, in any order; a few more where they share the largest key."""
        keys = self._rows.column(_KEY).to_numpy()
        self._limit = _smallest(keys, self._k)
        self._rows = self._rows.take(pa.array(np.flatnonzero(keys <= self._limit))).combine_chunks()
        if len(self._rows) >= 2 * self._k:
            self._rows = self._kept()

    def _kept(self) -> pa.Table:
        """The k smallest, by key and then by value."""
        order = pc.sort_indices(self._rows, sort_keys=[(name, "ascending") for name in self._rows.column_names])
        return self._rows.take(order[: self._k]).combine_chunks()

    @property
    def rows(self) -> pa.Table:
        """The sample, by rising key hash; fewer than k rows when there are no more."""
        return self._kept().drop_columns(_KEY)

    def to_json(self) -> dict[str, Any]:
        """The sample with its hashes; byte-identical for the same rows."""
        kept = self._kept()
        return {
            "keys": kept.column(_KEY).to_pylist(),
            "columns": {
                name: {"type": type_tag(kept.field(name).type), "values": to_json(kept.column(name))}
                for name in self._columns.names
            },
        }

    @classmethod
    def from_json(cls, k: int, held: dict[str, Any]) -> Self:
        """Inverse of `to_json`."""
        arrays = {
            name: from_json(column["values"], tagged_type(column["type"])) for name, column in held["columns"].items()
        }
        sample = cls(k, pa.schema([(name, array.type) for name, array in arrays.items()]))
        keys = pa.array(held["keys"], pa.uint64())
        sample._add(pa.table([keys, *arrays.values()], schema=sample._rows.schema))
        return sample


def _smallest(keys: UInt64, k: int) -> np.uint64:
    """The k-th smallest key; the largest there can be where there are fewer."""
    return np.uint64(np.partition(keys, k - 1)[k - 1]) if len(keys) >= k else np.uint64(2**64 - 1)
