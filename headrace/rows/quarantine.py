"""Rows that broke their contract, as they were delivered."""

import pyarrow as pa

from headrace.rows.block import Origin, Refused
from headrace.rows.parsed import Parsed

QUARANTINE_SCHEMA = pa.schema(
    [
        ("_file", pa.string()),
        ("_offset", pa.int64()),  # of the row's first byte in the file; of Parquet, the number of the row
        (
            "raw",
            pa.binary(),
        ),  # the row without its line end, of Parquet as JSON; of one longer than max_bytes, the head
        ("length", pa.int64()),  # of the whole row, in bytes
        ("digest", pa.string()),  # SHA-256 of the whole row, where it is longer than line.max_bytes
        ("replayable", pa.bool_()),  # whether it can be checked again: it is not longer than line.max_bytes
        ("reasons", pa.list_(pa.string())),
    ]
)


def quarantine(file: str, parsed: Parsed) -> pa.RecordBatch:
    """The rows that have a reason, in the order of the file, with every reason."""
    at = parsed.reasons.lines
    kept = parsed.raw(at)
    return pa.RecordBatch.from_arrays(
        [
            pa.repeat(file, len(at)),
            pa.array(parsed.places[at], pa.int64()),
            pa.array([row.text for row in kept], pa.binary()),
            pa.array([row.length for row in kept], pa.int64()),
            pa.array([row.digest for row in kept], pa.string()),
            pa.array([row.digest is None for row in kept], pa.bool_()),
            parsed.reasons.lists(),
        ],
        schema=QUARANTINE_SCHEMA,
    )


def refused_row(origin: Origin, refused: Refused) -> pa.RecordBatch:
    """The one row that stands for all that a range which cannot be read would have given."""
    row = {
        "_file": origin.file,
        "_offset": origin.start,
        "length": refused.size,
        "replayable": False,
        "reasons": [refused.reason],
    }
    return pa.RecordBatch.from_pylist([row], schema=QUARANTINE_SCHEMA)
