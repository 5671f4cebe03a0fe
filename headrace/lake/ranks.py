"""The order of a column's values as 64-bit integers, by which the latest of some rows is told."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_LEAST = np.iinfo(np.int64).min


def ranks(column: pa.Array) -> NDArray[np.int64]:
    """Greater for greater values, equal for equal ones; null and NaN are less than every value.

    A double's bits are in its order already, but for negative ones, whose order they reverse.

    >>> values = pa.array([1.5, None, -1.5, 0.0, -0.0, -2e300, float("inf")])
    >>> np.argsort(ranks(values), kind="stable").tolist()
    [1, 5, 2, 3, 4, 0, 6]
    """
    kind = column.type
    if pa.types.is_floating(kind):
        doubles = column.to_numpy(zero_copy_only=False).astype(np.float64) + 0.0
        bits = doubles.view(np.int64)
        found = np.where(np.isnan(doubles), _LEAST, bits ^ ((bits >> np.int64(63)) & np.int64(2**63 - 1)))
    else:
        if pa.types.is_timestamp(kind):
            column = column.cast(pa.timestamp("us", kind.tz), safe=False)
        elif pa.types.is_date(kind):
            column = column.cast(pa.int32())
        found = pc.fill_null(column.cast(pa.int64()), _LEAST).to_numpy(zero_copy_only=False)
    return found
