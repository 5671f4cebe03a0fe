"""Rows that broke their contract, as they were delivered."""

import hashlib

import pyarrow as pa

from headrace.rows.block import HEAD_BYTES, RawBlock
from headrace.rows.lines import Lines
from headrace.rows.reasons import Reasons

QUARANTINE_SCHEMA = pa.schema(
    [
        ("_file", pa.string()),
        ("_offset", pa.int64()),  # of the line's first byte in the file
        ("raw", pa.binary()),  # the line without its end; of one longer than line.max_bytes, the head
        ("length", pa.int64()),  # of the whole line, in bytes
        ("digest", pa.string()),  # SHA-256 of the whole line, where it is longer than line.max_bytes
        ("replayable", pa.bool_()),  # whether it can be checked again: it is not longer than line.max_bytes
        ("reasons", pa.list_(pa.string())),
    ]
)


def quarantine(raw: RawBlock, lines: Lines, reasons: Reasons, max_bytes: int) -> pa.RecordBatch:
    """The lines that have a reason, in the order of the file, with every reason."""
    at = reasons.lines
    held = at[at < len(lines)]  # the one line more is the block's tail
    texts = lines.texts(held)
    offsets = (lines.bounds[held] + raw.origin.start).tolist()
    lengths = lines.lengths[held].tolist()
    digests = [hashlib.sha256(text).hexdigest() if len(text) > max_bytes else None for text in texts]
    heads = [text[:HEAD_BYTES] if len(text) > max_bytes else text for text in texts]
    if raw.tail:
        offsets.append(raw.tail.offset)
        lengths.append(raw.tail.length)
        digests.append(raw.tail.digest)
        heads.append(raw.tail.head)
    return pa.RecordBatch.from_arrays(
        [
            pa.repeat(raw.origin.file, len(at)),
            pa.array(offsets, pa.int64()),
            pa.array(heads, pa.binary()),
            pa.array(lengths, pa.int64()),
            pa.array(digests, pa.string()),
            pa.array([digest is None for digest in digests], pa.bool_()),
            reasons.lists(),
        ],
        schema=QUARANTINE_SCHEMA,
    )
