"""What the readers of lines give: text cells by column."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace.rows.lines import Ints

Mask = NDArray[np.bool_]


def as_mask(bits: pa.BooleanArray) -> Mask:
    """The bits as numpy has them; null is false."""
    filled = bits.fill_null(False) if bits.null_count else bits
    mask: Mask = filled.to_numpy(zero_copy_only=False)
    return mask


class Cells(NamedTuple):
    """The cells of the lines that could be read, as text; null where the source says so."""

    columns: dict[str, pa.StringArray]
    unreadable: dict[str, Mask]  # cells that are there but are no scalar; null in `columns`
    rejected: Ints  # numbers of the lines that could not be read, among those given
