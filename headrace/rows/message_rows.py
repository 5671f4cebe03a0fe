"""What the readers of messages make of them: rows for the checker, and messages that are none."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

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


def json_rows(file: str, values: Sequence[bytes]) -> Iterator[MessageRows]:
    r"""Each message as one line; pretty-printed JSON becomes one line of the same JSON.

    >>> (rows,) = json_rows("t/0", [b'{"a": 1}', b'{\n"a": 2\r\n}', b""])
    >>> rows.raw.data, rows.places.tolist()
    (b'{"a": 1}\n{\t"a": 2\t\t}\n\n', [0, 9, 21])
    """
    data = b"".join(value + b"\n" for value in values)
    if b"\r" in data or data.count(b"\n") != len(values):
        data = b"".join(value.translate(_ONE_LINE) + b"\n" for value in values)
    lengths = np.fromiter(map(len, values), np.int64, len(values)) + 1
    yield MessageRows(RawBlock(Origin(file, 0, len(data)), data), np.cumsum(lengths) - lengths, np.arange(len(values)))
