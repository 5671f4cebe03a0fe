"""A 64-bit hash of rows that depends on nothing but the values."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

type UInt64 = NDArray[np.uint64]

_GOLDEN = 0x9E3779B97F4A7C15
_NULL = np.uint64(0xD6E8FEB86659FD93)  # the lane of a missing value: any odd constant
_SECOND = 0xC2B2AE3D27D4EB4F  # the salt of the second half: any odd constant
_LONG = 128  # bytes; longer text is digested one by one, so that one huge cell costs no loop over lanes


def key_hash(rows: pa.RecordBatch, columns: Sequence[str], *, salt: int = 0) -> UInt64:
    """One hash per row: equal for equal values, whatever batch, order, offset or chunk they stand in.

    Every value becomes one 64-bit lane: integers, dates and timestamps (in µs)
    as they are, doubles by their bits (-0.0 as 0.0, NaN as null), booleans as 0
    and 1, decimals by their two words, text by folding its length and its
    little-endian 8-byte words; text and decimals are folded with the salt. Lanes are folded in column order with the
    finaliser of splitmix64 (Steele, Lea, Flood 2014; constants by Stafford).
    Not for secrets: whoever chooses the values can make hashes collide.

    >>> rows = pa.record_batch({"id": [7, 8, 7], "city": ["Oslo", None, "Oslo"]})
    >>> [hex(h) for h in key_hash(rows, ["id", "city"]).tolist()]
    ['0x108983b2468c1478', '0xaedc94ba3770eb6b', '0x108983b2468c1478']
    """
    hashes = np.full(rows.num_rows, (salt + _GOLDEN) % 2**64, np.uint64)
    for name in columns:
        hashes = _mix(hashes ^ _lanes(rows.column(name), np.uint64(salt % 2**64)))
    return hashes


def wide_hash(rows: pa.RecordBatch, columns: Sequence[str]) -> tuple[UInt64, UInt64]:
    """The two halves of a 128-bit hash per row; equal for equal values, as `key_hash` is.

    Of n different keys two have equal hashes with a chance of about n² / 2^129: of a
    billion keys, 10^-21.
    """
    return key_hash(rows, columns), key_hash(rows, columns, salt=_SECOND)


def _mix(x: UInt64) -> UInt64:
    """The finaliser of splitmix64: a bijection of 64 bits in which every bit reaches every other."""
    x = x + np.uint64(_GOLDEN)
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


def _lanes(column: pa.Array, salt: np.uint64) -> UInt64:
    """One 64-bit lane per value; which one, `key_hash` says."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_null(kind) or not len(column):
        return np.full(len(column), _NULL)
    if pa.types.is_floating(kind):
        lanes = (column.to_numpy(zero_copy_only=False).astype(np.float64) + 0.0).view(np.uint64)
    elif pa.types.is_decimal(kind):
        lanes = _decimal_lanes(column.cast(pa.decimal128(38, kind.scale)), salt)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        lanes = _text_lanes(column.cast(pa.large_string()), salt)
    else:
        lanes = _integer_lanes(column)
    missing = pc.is_null(column, nan_is_null=True)
    return np.where(missing.to_numpy(zero_copy_only=False), _NULL, lanes) if missing.true_count else lanes


def _integer_lanes(column: pa.Array) -> UInt64:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    elif pa.types.is_duration(column.type):
        column = column.cast(pa.duration("us"), safe=False)
    elif pa.types.is_date(column.type):
        column = column.cast(pa.date32()).cast(pa.int32())
    integers: NDArray[np.int64] = pc.fill_null(column.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    lanes: UInt64 = integers.view(np.uint64)
    return lanes


def _decimal_lanes(column: pa.Array, salt: np.uint64) -> UInt64:
    words: UInt64 = np.frombuffer(column.buffers()[1], "<u8").reshape(-1, 2)
    words = words[column.offset : column.offset + len(column)]
    return _mix(words[:, 0] ^ salt) ^ words[:, 1]


def _text_lanes(column: pa.Array, salt: np.uint64) -> UInt64:
    """Fold length and words of each text, for all rows at once, one round per eight bytes of the longest."""
    offsets = np.frombuffer(column.buffers()[1], np.int64)[column.offset : column.offset + len(column) + 1]
    starts, lengths = offsets[:-1], np.diff(offsets)
    lanes = _mix(lengths.astype(np.uint64) ^ salt)
    data = column.buffers()[2]
    if data is None:
        return lanes
    first = int(offsets[0])
    text = np.frombuffer(data, np.uint8)[first : int(offsets[-1])]
    # A view of the eight bytes at every position, so that a word is one gather; eight zeros let it end anywhere.
    padded = np.concatenate((text, np.zeros(8, np.uint8)))
    words = np.ndarray((len(padded) - 7,), "<u8", padded, strides=(1,))
    active = np.flatnonzero((lengths > 0) & (lengths <= _LONG))
    for done in range(0, _LONG, 8):
        active = active[lengths[active] > done]
        if not len(active):
            break
        left = np.minimum(lengths[active] - done, 8)
        keep = np.uint64(2**64 - 1) >> (np.uint64(8) * (8 - left).astype(np.uint64))
        lanes[active] = _mix(lanes[active] ^ (words[starts[active] - first + done] & keep))
    for row in np.flatnonzero(lengths > _LONG):
        start = int(starts[row]) - first
        digest = hashlib.blake2b(text[start : start + int(lengths[row])], digest_size=8, key=_key(salt)).digest()
        lanes[row] = int.from_bytes(digest, "little")
    return lanes


def _key(salt: np.uint64) -> bytes:
    return int(salt).to_bytes(8, "little") if salt else b""
