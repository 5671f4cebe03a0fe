"""What became of rows of quarantine that were checked again; a row without a settlement is still there."""

from collections.abc import Container, Iterator, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace.lake.reading import read_file
from headrace.lake.snapshot import open_snapshot

SETTLEMENTS = pa.schema(
    [
        (
            "_plan",
            pa.int64(),
        ),  # which brought the row, as another may have had a file of that name; null: a topic
        ("_file", pa.string()),  # where the row's line stands, or the partition of its message
        ("_offset", pa.int64()),
        ("replay", pa.int64()),  # which replay settled it
        ("result", pa.string()),  # accepted, or duplicate: its key was there already
    ]
)

BROUGHT = pa.schema([SETTLEMENTS.field(name) for name in ("_plan", "_file", "_offset")])
"""What names a row, in quarantine as in the events."""

_NO_PLAN = -1

type Brought = tuple[int | None, str]
"""What brought some rows: a plan and its file, or, without a plan, the partition of a topic."""

type Settled = Mapping[Brought, NDArray[np.int64]]
"""The offsets of the settled rows, ascending."""


def settled(root: str, version: int | None = None, only: Container[Brought] | None = None) -> Settled:
    """The rows that a table names, as of a version, and brought by some; about 10 bytes each in memory."""
    found: dict[Brought, list[NDArray[np.int64]]] = {}
    for file in open_snapshot(root, version).files:
        for batch in read_file(file.path, BROUGHT).to_batches():
            for key, at in by_file(batch):
                if only is None or key in only:
                    found.setdefault(key, []).append(batch.column("_offset").to_numpy()[at])
    return {key: np.sort(np.concatenate(parts)) for key, parts in found.items()}


def still_open(rows: pa.RecordBatch, done: Settled) -> pa.RecordBatch:
    """Those rows of a quarantine table that no settlement names."""
    return rows.filter(pa.array(not_in(rows, done))) if done else rows


def not_in(rows: pa.RecordBatch, done: Settled) -> NDArray[np.bool_]:
    """Which rows are none of these."""
    absent = np.ones(rows.num_rows, np.bool_)
    offsets = rows.column("_offset").to_numpy()
    for key, at in by_file(rows):
        if key in done:
            absent[at] = ~np.isin(offsets[at], done[key])
    return absent


def by_file(rows: pa.RecordBatch) -> Iterator[tuple[Brought, NDArray[np.int64]]]:
    """The places of the rows of each plan's file, and of each partition; in the order of rows."""
    plans = rows.column("_plan").fill_null(_NO_PLAN).to_numpy(zero_copy_only=False)
    names = rows.column("_file").dictionary_encode()
    codes = names.indices.to_numpy()
    order = np.lexsort((codes, plans))
    ends = np.flatnonzero((np.diff(plans[order]) != 0) | (np.diff(codes[order]) != 0)) + 1
    for at in np.split(order, ends) if len(order) else ():
        plan = int(plans[at[0]])
        yield (None if plan == _NO_PLAN else plan, names.dictionary[int(codes[at[0]])].as_py()), at
