"""What the readers of messages make of them: rows for the checker, and messages that are none."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.rows.block import Origin, RawBlock
from headrace.rows.lines import Ints

# Legal between the tokens of JSON and nowhere within them, as the line ends are that it stands for.
_ONE_LINE = bytes.maketrans(b"\r\n", b"\t\t")


class MessageRows(NamedTuple):
    """Messages as rows that the checker can read."""

    raw: RawBlock
    places: Ints  # of each row, as the checker tells it; ascending
    at: Ints  # which message each was


class Unreadable(NamedTuple):
    """Messages that cannot be looked into."""

    reason: str
    at: Ints


def json_rows(file: str, values: pa.BinaryArray) -> Iterator[MessageRows]:
    r"""Each message as one line; pretty-printed JSON becomes one line of the same JSON.

    >>> (rows,) = json_rows("t/0", pa.array([b'{"a": 1}', b'{\n"a": 2\r\n}', b""]))
    >>> rows.raw.data, rows.places.tolist()
    (b'{"a": 1}\n{\t"a": 2\t\t}\n\n', [0, 9, 21])
    """
    nothing, end = (pa.scalar(text, pa.large_binary()) for text in (b"", b"\n"))
    lines = pc.binary_join_element_wise(_on_one_line(values).cast(pa.large_binary()), end, nothing)
    _, offsets, held = lines.buffers()
    bounds: Ints = np.frombuffer(offsets, np.int64)[: len(values) + 1]
    data = held[: bounds[-1]].to_pybytes()
    yield MessageRows(RawBlock(Origin(file, 0, len(data)), data), bounds[:-1], np.arange(len(values)))


def _on_one_line(values: pa.BinaryArray) -> pa.BinaryArray:
    r"""The values without line ends.

    >>> _on_one_line(pa.array([b"[", b"[1,\n2]\r\n"])[1:]).to_pylist()
    [b'[1,\t2]\t\t']
    """
    _, offsets, held = values.buffers()
    bounds = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    text = held[bounds[0] : bounds[-1]].to_pybytes()
    if b"\n" not in text and b"\r" not in text:
        return values
    moved = pa.py_buffer(bounds - bounds[0])
    return pa.Array.from_buffers(pa.binary(), len(values), [None, moved, pa.py_buffer(text.translate(_ONE_LINE))])
