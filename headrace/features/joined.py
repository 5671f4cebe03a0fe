"""What the two joins share: the columns of a side table laid beside rows."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


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
