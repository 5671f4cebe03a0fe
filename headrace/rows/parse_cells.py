"""Text cells to values of a column's type."""

from contextlib import suppress
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from headrace.rows.cells import Mask, as_mask
from headrace.rows.letters import byte_class, holding, may_hold
from headrace.rows.lines import Ints


class Notation(Protocol):
    """How the values of a type are written.

    `one` is the definition. The others only save time: whatever they decide, `one`
    would decide alike, so a cell's value never depends on the other cells.
    """

    @property
    def arrow(self) -> pa.DataType:
        """The type of the values."""
        ...

    @property
    def letters(self) -> bytes:
        """What values are written with; a cell that holds any other byte has no value."""
        ...

    @property
    def trap(self) -> str:
        """A letter, not one of `letters`, that `fast` must not see in either case; empty where there is none."""
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
    if not (notation.trap and may_hold(cells, notation.trap)):
        with suppress(pa.ArrowInvalid):
            return notation.fast(cells)
    plain = _without(cells, holding(cells, byte_class(notation.letters, inverted=True)))
    with suppress(pa.ArrowInvalid):
        return notation.fast(plain)
    return _parse_by_text(plain, notation)


def failed(cells: pa.StringArray, values: pa.Array) -> Mask | None:
    """Which cells are there but have no value; None where all have one."""
    if cells.null_count == values.null_count:
        return None
    return as_mask(values.is_null()) & as_mask(cells.is_valid())


def _without(cells: pa.StringArray, numbers: Ints) -> pa.StringArray:
    """The cells, with those of the given numbers null."""
    left_out = np.zeros(len(cells), np.bool_)
    left_out[numbers] = True
    return pc.if_else(pa.array(left_out), pa.scalar(None, pa.string()), cells)


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
