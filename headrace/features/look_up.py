"""Look a row up by its key alone: the join with a static table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.failures import DataFailure
from headrace.features.joined import with_columns
from headrace.features.key_index import Int64, KeyIndex

_EXAMPLES = 5


@dataclass(frozen=True)
class LookUpTable:
    """Columns of a static table, found by key. Picklable; memory: the taken columns, the keys, 16 bytes per row."""

    index: KeyIndex
    taken: pa.RecordBatch  # one row per distinct key, in the index's order
    unkeyed: int  # rows of the table with a null in the key: no row can match them, so they are left out

    @classmethod
    def build(cls, rows: pa.RecordBatch, keys: Sequence[str], take: Sequence[str]) -> Self:
        """The table by `keys`, of which only the columns `take` are kept.

        Raises:
            DataFailure: a key occurs more than once, so that its row is not determined.
        """
        batch = rows.select(list(dict.fromkeys((*keys, *take))))
        index, numbers = KeyIndex.build(batch.select(list(keys)))
        counts = np.bincount(numbers[numbers >= 0], minlength=len(index.hashes))
        if (counts > 1).any():
            _refuse(index, counts)
        order = np.empty(len(index.hashes), np.int64)
        order[numbers[numbers >= 0]] = np.flatnonzero(numbers >= 0)
        taken = batch.select(list(take)).take(pa.array(order, pa.int64()))
        return cls(index, taken, int((numbers < 0).sum()))

    def join(self, rows: pa.RecordBatch, on: Sequence[str], prefix: str) -> pa.RecordBatch:
        """The rows with a column `<prefix>__<column>` for each taken one; null where the key is null or unknown.

        >>> planes = LookUpTable.build(pa.record_batch({"tail": ["N1", "N2"], "seats": [55, 149]}), ["tail"], ["seats"])
        >>> planes.join(pa.record_batch({"tail": ["N2", None, "N9"]}), ["tail"], "plane").to_pydict()
        {'tail': ['N2', None, 'N9'], 'plane__seats': [149, None, None]}
        """
        return with_columns(rows, prefix, self.taken, self.index.find(rows, on))


def _refuse(index: KeyIndex, counts: Int64) -> None:
    repeated = np.flatnonzero(counts > 1)
    keys = index.keys.take(pa.array(repeated, pa.int64()))
    # The smallest by value, so that the message is the same for any order of the table.
    order = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in keys.schema.names])[:_EXAMPLES]
    examples = [
        f"{', '.join(f'{name}={value}' for name, value in key.items())} ({count} rows)"
        for key, count in zip(keys.take(order).to_pylist(), counts[repeated][order.to_numpy()], strict=True)
    ]
    raise DataFailure(
        f"a look-up needs one row per key, but {len(repeated)} keys have several: {'; '.join(examples)}"
        f"{'; …' if len(repeated) > _EXAMPLES else ''}. Join by more columns, remove the repeats, or use as_of "
        "if the rows are versions in time"
    )
