"""What became of rows of quarantine that were checked again; a row without a settlement is still there."""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace.lake.reading import read_file
from headrace.lake.snapshot import open_snapshot

SETTLEMENTS = pa.schema(
    [
        ("_plan", pa.int64()),  # which brought the row: another plan may have had another file of that name
        ("_file", pa.string()),  # where the row's line stands
        ("_offset", pa.int64()),
        ("replay", pa.int64()),  # which replay settled it
        ("result", pa.string()),  # accepted, or duplicate: its key was there already
    ]
)

type Settled = Mapping[tuple[int, str], NDArray[np.int64]]
"""By plan and file, the offsets of the settled lines, ascending."""


def settled(root: str, version: int) -> Settled:
    """The rows that are settled as of a version; some 10 bytes each in memory."""
    found: dict[tuple[int, str], list[NDArray[np.int64]]] = {}
    columns = pa.schema([SETTLEMENTS.field(name) for name in ("_plan", "_file", "_offset")])
    for file in open_snapshot(root, version).files:
        for batch in read_file(file.path, columns).to_batches():
            for key, at in _by_file(batch):
                found.setdefault(key, []).append(batch.column("_offset").to_numpy()[at])
    return {key: np.sort(np.concatenate(parts)) for key, parts in found.items()}


def still_open(rows: pa.RecordBatch, done: Settled) -> pa.RecordBatch:
    """Those rows of a quarantine table that no settlement names."""
    if not done:
        return rows  # also those of a topic, which no plan has brought
    keep = np.ones(rows.num_rows, np.bool_)
    offsets = rows.column("_offset").to_numpy()
    for key, at in _by_file(rows):
        if key in done:
            keep[at] = ~np.isin(offsets[at], done[key])
    return rows.filter(pa.array(keep))


def _by_file(rows: pa.RecordBatch) -> Iterator[tuple[tuple[int, str], NDArray[np.int64]]]:
    """The places of the rows of each plan's file."""
    plans = rows.column("_plan").to_numpy(zero_copy_only=False)
    names = rows.column("_file").dictionary_encode()
    codes = names.indices.to_numpy()
    for plan in np.unique(plans):
        for code, name in enumerate(names.dictionary.to_pylist()):
            at = np.flatnonzero((plans == plan) & (codes == code))
            if len(at):
                yield (int(plan), name), at
