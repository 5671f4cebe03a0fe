"""Find rows by a key of any columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from headrace.failures import DataFailure, Failure
from headrace.rows.key_hash import UInt64, key_hash

type Int64 = NDArray[np.int64]

_SALTS = 4  # ways to hash, tried until no two keys share a hash


@dataclass(frozen=True)
class KeyIndex:
    """The distinct keys of a table, numbered; a null in any key column makes a key that equals none.

    Keys are found by a 64-bit hash and then compared, so that a match is a
    match. Memory: 8 bytes per distinct key and the key itself.
    """

    keys: pa.RecordBatch  # one row per distinct key, by rising hash; its number is the row's number
    hashes: UInt64
    salt: int

    @classmethod
    def build(cls, keys: pa.RecordBatch) -> tuple[Self, Int64]:
        """The index of these keys, and for each of its rows the number of its key; -1 where one column is null.

        Raises:
            Failure: the keys were made so that their hashes collide.
        """
        there = np.flatnonzero(_present(keys))
        present = keys.take(pa.array(there, pa.int64()))
        for salt in range(_SALTS):
            hashes, first, codes = np.unique(
                key_hash(present, keys.schema.names, salt=salt), return_index=True, return_inverse=True
            )
            index = cls(present.take(pa.array(first, pa.int64())), hashes, salt)
            if index._equal(present, codes).all():
                numbers = np.full(keys.num_rows, -1, np.int64)
                numbers[there] = codes
                return index, numbers
        raise Failure(
            f"keys {', '.join(keys.schema.names)}: different values share a 64-bit hash in {_SALTS} ways of "
            "hashing, which does not happen by chance; look at where these keys come from"
        )

    def find(self, rows: pa.RecordBatch, on: Sequence[str]) -> Int64:
        """The number of each row's key, -1 where it is unknown or has a null; `on` names its columns in key order.

        Raises:
            DataFailure: a column is of another type than the key's.
        """
        pairs = zip(on, self.keys.schema, strict=True)
        keys = pa.record_batch([_as(rows.column(name), key) for name, key in pairs], schema=self.keys.schema)
        if not len(self.hashes):
            return np.full(rows.num_rows, -1, np.int64)
        hashes = key_hash(keys, keys.schema.names, salt=self.salt)
        codes = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        matched = self.hashes[codes] == hashes
        if matched.any():
            matched &= _present(keys) & self._equal(keys, codes)
        return np.where(matched, codes, -1)

    def _equal(self, keys: pa.RecordBatch, codes: Int64) -> NDArray[np.bool_]:
        """Whether each key equals the one of that number, column by column."""
        found = self.keys.take(pa.array(codes, pa.int64()))
        same = [pc.equal(mine, theirs) for mine, theirs in zip(found.columns, keys.columns, strict=True)]
        equal: NDArray[np.bool_] = pc.fill_null(reduce(pc.and_, same), fill_value=False).to_numpy(zero_copy_only=False)
        return equal


def _as(column: pa.Array, key: pa.Field) -> pa.Array:
    """The column as the key's type, where both are spellings of one type, as string and large_string are."""
    if column.type == key.type:
        return column
    if _is_text(column.type) and _is_text(key.type):
        return column.cast(key.type)
    raise DataFailure(
        f"join on {key.name}: {column.type} here and {key.type} on the other side, so no value could match; "
        "declare the same type in both data sets"
    )


def _is_text(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_string(arrow) or pa.types.is_large_string(arrow) or pa.types.is_string_view(arrow))


def _present(keys: pa.RecordBatch) -> NDArray[np.bool_]:
    """Which rows have a value in every column; NaN is none."""
    absent = [pc.is_null(column, nan_is_null=True).to_numpy(zero_copy_only=False) for column in keys.columns]
    present: NDArray[np.bool_] = ~np.logical_or.reduce(absent)
    return present
