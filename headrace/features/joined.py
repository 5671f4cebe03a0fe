"""What the two joins share: a side table in one piece, and its columns laid beside rows."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace.failures import DataFailure


def one_batch(side: pa.Table | pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
    """These columns of a side table as one batch.

    Raises:
        DataFailure: a text column is too large to be held in one piece (2 GB).
    """
    chosen = side.select(list(dict.fromkeys(columns)))
    if isinstance(chosen, pa.RecordBatch):
        return chosen
    batches = chosen.combine_chunks().to_batches()
    if len(batches) > 1:
        raise DataFailure(
            f"side table with {', '.join(chosen.column_names)}: more than 2 GB of text in one column cannot be "
            "held beside the rows; take fewer columns or shorten them in the data set's clean"
        )
    return batches[0] if batches else pa.RecordBatch.from_pylist([], chosen.schema)


def with_columns(rows: pa.RecordBatch, prefix: str, side: pa.RecordBatch, places: NDArray[np.int64]) -> pa.RecordBatch:
    """The rows and `<prefix>__<column>` for each of the side's columns, from the row `places[i]`; null where -1.

    >>> side = pa.record_batch({"temp": [20.5, 3.0]})
    >>> with_columns(pa.record_batch({"id": [1, 2]}), "weather", side, np.array([1, -1])).to_pydict()
    {'id': [1, 2], 'weather__temp': [3.0, None]}
    """
    indices = pa.array(places, pa.int64(), mask=places < 0)
    fields = [*rows.schema, *(pa.field(f"{prefix}__{field.name}", field.type) for field in side.schema)]
    taken = [column.take(indices) for column in side.columns]
    return pa.RecordBatch.from_arrays([*rows.columns, *taken], schema=pa.schema(fields))
