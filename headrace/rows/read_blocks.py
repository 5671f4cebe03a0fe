"""Read a planned range as blocks of whole rows, in bounded memory."""

import hashlib
from collections.abc import Iterator

from headrace.failures import reaching
from headrace.rows.avro_files import avro_blocks
from headrace.rows.block import HEAD_BYTES, OPEN_END, LongLine, Origin, RawBlock
from headrace.rows.cut import TARGET, read_range
from headrace.rows.damaged import Damaged, refused_block, whole_file
from headrace.rows.parquet_files import parquet_blocks
from headrace.rows.row_end import held_bytes, row_end
from headrace.rows.unpacked import Unpacked, compression_of
from headrace.spec.data_set import Source

_CHUNK = 1 << 16
_TYPED = {"parquet": parquet_blocks, "avro": avro_blocks}


def read_blocks(
    path: str, file: str, start: int, end: int, source: Source, *, header: tuple[str, ...], target: int = TARGET
) -> Iterator[RawBlock]:
    """The rows of a range; the origins of the blocks tile it.

    A compressed file is one range whose end is `OPEN_END`, as nobody knows it before the
    file is read: its last block has no rows and reaches from the file's real end to
    there. A reader that stops early leaves a gap; one that ends twice, an overlap.

    `path` is where the bytes are read, `file` the name that goes into the origins.

    Where the file is damaged, what cannot be read comes as a block that says so, and the
    others may be lacking; a run that finds one that was not planned must not commit.

    Raises:
        DataFailure: the file is not what was planned.
    """
    if typed := _TYPED.get(source.format):
        yield from typed(path, file, start, end, header, target)
        return
    kind = compression_of(file, source)
    if kind is None:
        yield read_range(path, file, start, end, source, header=header, target=target)
        return
    try:
        with reaching(path), Unpacked(path, kind, source) as stream:
            stream.read(start)
            yield from _stream_blocks(stream, file, start, source, header, target)
    except Damaged as damage:  # what came before it may be damaged as well: only the end of an archive tells
        yield refused_block(file, whole_file(path, damage))


def _stream_blocks(
    stream: Unpacked, file: str, at: int, source: Source, header: tuple[str, ...], target: int
) -> Iterator[RawBlock]:
    """Blocks from where the stream stands, which is the beginning of a row, to its end."""
    full, packed = held_bytes(target, source), 0
    window = stream.read(full)
    while len(window) >= full:
        tail, taken, rest = None, 0, b""
        end = row_end(window, target, source)
        if end is None:  # the last line is too long to hold
            end = window.rfind(b"\n") + 1
            tail, taken, rest = _long_line(stream, window[end:], at + end)
        else:
            rest = window[end:]
        origin = Origin(file, at, at + end + taken)
        yield RawBlock(origin, window[:end], tail, header, stream.packed - packed)
        at, packed = origin.end, stream.packed
        window = rest + stream.read(max(full - len(rest), 0))
    yield RawBlock(Origin(file, at, at + len(window)), window, None, header, stream.packed - packed)
    yield RawBlock(Origin(file, at + len(window), OPEN_END), b"", None, header, 0)


def _long_line(stream: Unpacked, chunk: bytes, offset: int) -> tuple[LongLine, int, bytes]:
    """What is kept of a line that begins with `chunk`, its bytes with its end, and what was read behind it."""
    head, digest, length, taken, held = b"", hashlib.sha256(), 0, 0, b""
    while True:
        text, newline, rest = chunk.partition(b"\n")
        taken += len(text) + len(newline)
        ended = bool(newline) or not chunk
        text = held + text
        # A CR belongs to the line's end if a newline follows, and to the line where the file ends.
        held = b"\r" if text.endswith(b"\r") and chunk else b""
        text = text.removesuffix(held)
        head += text[: HEAD_BYTES - len(head)]
        digest.update(text)
        length += len(text)
        if ended:
            return LongLine(offset, head, length, digest.hexdigest()), taken, rest
        chunk = stream.read(_CHUNK)
