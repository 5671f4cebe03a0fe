"""How the blocks of Avro files are packed, and how they are unpacked without giving more than is held."""

import bz2
import lzma
import zlib
from collections.abc import Callable

import pyarrow as pa

LARGEST_BLOCK = 64_000_000  # bytes, packed or not
_CHUNK = 1 << 20
UNPACKING = (ValueError, EOFError, OSError, zlib.error, lzma.LZMAError, pa.ArrowException)
"""What is raised where a block is no such archive."""


def _inflated(data: bytes) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, LARGEST_BLOCK + 1)


def _from_snappy(data: bytes) -> bytes:
    """The four bytes behind the data are its checksum."""
    packed, checksum = data[:-4], data[-4:]
    length = shift = 0
    for byte in packed[:5]:
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if length > LARGEST_BLOCK:
        raise ValueError(f"{length:,} bytes would come out")
    plain = pa.Codec("snappy").decompress(packed, decompressed_size=length, asbytes=True)
    if zlib.crc32(plain).to_bytes(4, "big") != checksum:
        raise ValueError("its checksum is another")
    return bytes(plain)


def _from_zstd(data: bytes) -> bytes:
    stream, found, size = pa.CompressedInputStream(pa.BufferReader(data), "zstd"), [], 0
    while size <= LARGEST_BLOCK and (chunk := stream.read(_CHUNK)):
        found.append(chunk)
        size += len(chunk)
    return b"".join(found)[: LARGEST_BLOCK + 1]


def _from_bzip2(data: bytes) -> bytes:
    return bz2.BZ2Decompressor().decompress(data, LARGEST_BLOCK + 1)


def _from_xz(data: bytes) -> bytes:
    return lzma.LZMADecompressor(memlimit=LARGEST_BLOCK).decompress(data, LARGEST_BLOCK + 1)


def _as_it_is(data: bytes) -> bytes:
    return data


CODECS: dict[str, Callable[[bytes], bytes]] = {
    "null": _as_it_is,
    "deflate": _inflated,
    "snappy": _from_snappy,
    "zstandard": _from_zstd,
    "bzip2": _from_bzip2,
    "xz": _from_xz,
}
"""By the name in the file's header; each gives at most one byte more than `LARGEST_BLOCK`."""
