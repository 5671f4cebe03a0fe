"""Text cells to values of a column's type."""

from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from headrace.rows.cells import Mask, as_mask


class Notation(Protocol):
    """How the values of a type are written.

    `one` is the definition. `fast` and `sure` only save time: whatever they decide,
    `one` would decide alike, so a cell's value never depends on the other cells.
    """

    @property
    def arrow(self) -> pa.DataType:
        """The type of the values."""
        ...

    @property
    def sure(self) -> str:
        """RE2: `fast` reads any selection of cells that match."""
        ...

    def fast(self, cells: pa.StringArray) -> pa.Array:
        """The value of every cell, null where it has none.

        Raises:
            pa.ArrowInvalid: some cell is in doubt.
        """
        ...

    def one(self, text: str) -> Any:
        """The value of one cell as Arrow takes it, None where it has none."""
        ...


def parse(cells: pa.StringArray, notation: Notation) -> pa.Array:
    """The value of every cell; null where the cell is null or has none in this notation."""
    try:
        return notation.fast(cells)
    except pa.ArrowInvalid:
        return _parse_by_text(cells, notation)


def failed(cells: pa.StringArray, values: pa.Array) -> Mask | None:
    """Which cells are there but have no value; None where all have one."""
    if cells.null_count == values.null_count:
        return None
    return as_mask(values.is_null()) & as_mask(cells.is_valid())


def _parse_by_text(cells: pa.StringArray, notation: Notation) -> pa.Array:
    """Each distinct text once: what is surely well written all together, the rest one by one."""
    encoded = cells.dictionary_encode()
    texts = encoded.dictionary
    sure = pc.match_substring_regex(texts, notation.sure)
    doubtful = texts.filter(pc.invert(sure)).to_pylist()
    values = pa.concat_arrays(
        [
            notation.fast(texts.filter(sure)),
            pa.array([notation.one(text) for text in doubtful], notation.arrow),
        ]
    )
    known = as_mask(sure)
    place = np.empty(len(texts), np.int64)  # of each text among the values
    place[np.concatenate([np.flatnonzero(known), np.flatnonzero(~known)])] = np.arange(len(texts))
    return values.take(pa.array(place).take(encoded.indices))
