"""Arrow arrays to numpy and back, without a copy and without the pandas that pyarrow would import."""

import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def text_array(text: str) -> pa.Array:
    """An array of this one string.

    >>> text_array("12.50").cast(pa.decimal128(4, 2))[0]
    <pyarrow.Decimal128Scalar: Decimal('12.50')>
    """
    data = text.encode()
    ends = struct.pack("<2i", 0, len(data))
    return pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(ends), pa.py_buffer(data)])


def int_scalar(value: int, arrow: pa.DataType) -> pa.Scalar:
    """A scalar of a type that is held as int64: int, timestamp, duration.

    >>> int_scalar(0, pa.duration("us"))
    <pyarrow.DurationScalar: datetime.timedelta(0)>
    """
    return text_array(str(value)).cast(pa.int64()).view(arrow)[0]


def floats(values: Any) -> Floats:
    """The values of a double array (or scalar, as one) with NaN for null."""
    if isinstance(values, pa.Scalar):
        return np.array([values.as_py() if values.is_valid else np.nan])
    known = pc.coalesce(values, _NAN) if values.null_count else values
    return np.frombuffer(_data(known), np.float64)


def ints(values: pa.Array) -> Ints:
    """The values of an array held as int64; anything where it is null."""
    return np.frombuffer(_data(values), np.int64)


def ints_array(values: Ints, arrow: pa.DataType, *, known: pa.Array) -> pa.Array:
    """An array of a type that is held as int64; null where `known` is not true."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(values).data)]
    array = pa.Array.from_buffers(arrow, len(values), buffers)
    return pc.if_else(known, array, pa.nulls(1, arrow)[0]) if known.true_count < len(values) else array


def bools_array(values: Bools) -> pa.Array:
    """A bool array without nulls."""
    bits = pa.py_buffer(np.packbits(values, bitorder="little").data)
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, bits])


def _data(values: pa.Array) -> bytes | memoryview:
    """The eight bytes of each value."""
    if not len(values):  # which has no buffer
        return b""
    return memoryview(values.buffers()[1])[values.offset * 8 : (values.offset + len(values)) * 8]


_NAN = text_array("nan").cast(pa.float64())[0]
