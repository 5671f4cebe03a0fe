"""Which cells are null: trimming and the spellings of null."""

import pyarrow as pa
from pyarrow import compute as pc

from headrace.spec.data_set import Source


def as_nulls(cells: pa.StringArray, source: Source) -> pa.StringArray:
    """The cells, trimmed where `source.trim` says so, and null where they spell null.

    >>> source = Source(format="csv", path="", nulls=("", "NA"), trim=True)
    >>> as_nulls(pa.array([" NA", "x ", None, "  "]), source).to_pylist()
    [None, 'x', None, None]
    """
    if source.trim:
        cells = pc.utf8_trim_whitespace(cells)
    spelled = pc.is_in(cells, value_set=pa.array(source.nulls, pa.string()))
    return pc.if_else(spelled, None, cells) if spelled.true_count else cells
