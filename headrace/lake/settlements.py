"""What became of rows of quarantine that were checked again; a row without a settlement is still there."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace.lake.reading import read_file
from headrace.lake.snapshot import open_snapshot

SETTLEMENTS = pa.schema(
    [
        ("_file", pa.string()),  # where the row's line stands
        ("_offset", pa.int64()),
        ("replay", pa.int64()),  # which replay settled it
        ("result", pa.string()),  # accepted, or duplicate: its key was there already
    ]
)

type Settled = Mapping[str, NDArray[np.int64]]
"""By file, the offsets of the settled lines, ascending."""


def settled(root: str, version: int) -> Settled:
    """The rows that are settled as of a version; some 10 bytes each in memory."""
    found: dict[str, list[NDArray[np.int64]]] = {}
    columns = pa.schema([SETTLEMENTS.field("_file"), SETTLEMENTS.field("_offset")])
    for file in open_snapshot(root, version).files:
        table = read_file(file.path, columns)
        names = table.column("_file").combine_chunks().dictionary_encode()
        codes, offsets = names.indices.to_numpy(), table.column("_offset").to_numpy()
        for code, name in enumerate(names.dictionary.to_pylist()):
            found.setdefault(name, []).append(offsets[codes == code])
    return {name: np.sort(np.concatenate(parts)) for name, parts in found.items()}


def still_open(rows: pa.RecordBatch, done: Settled) -> pa.RecordBatch:
    """Those rows of a quarantine table that no settlement names."""
    names = rows.column("_file").dictionary_encode()
    codes, offsets = names.indices.to_numpy(), rows.column("_offset").to_numpy()
    keep = np.ones(rows.num_rows, np.bool_)
    for code, name in enumerate(names.dictionary.to_pylist()):
        if name in done:
            keep &= ~((codes == code) & np.isin(offsets, done[name]))
    return rows.filter(pa.array(keep))
