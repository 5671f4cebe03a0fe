"""Avro files of unknown origin: how they are cut, and their rows read in bounded memory."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa

from headrace import storage
from headrace.failures import DataFailure, reaching
from headrace.rows.avro_cells import avro_cells
from headrace.rows.avro_codecs import CODECS, LARGEST_BLOCK, UNPACKING
from headrace.rows.avro_schema import AvroSchema, Cell, Unfit, read_schema
from headrace.rows.block import OPEN_END, Origin, RawBlock, Refused
from headrace.rows.damaged import BLOCK, Damaged, refused_block, whole_file
from headrace.rows.typed_header import typed_columns
from headrace.spec.data_set import DataSet

_MAGIC = b"Obj\x01"
_SYNC = 16  # bytes of the marker behind each block
_LONGEST_HEADER = 4_000_000
_LONGEST_COUNTS = 20  # two numbers of up to ten bytes
_MOST_ROWS = 131_072  # of a block of ours
_RANGE = 4  # times the target: to find a range, all blocks before it are stepped over


class _Header(NamedTuple):
    schema: AvroSchema
    codec: str
    sync: bytes
    end: int  # where the first block begins


class _Part(NamedTuple):
    """One block of the file."""

    rows: int
    start: int  # of its data
    size: int


class AvroRanges(NamedTuple):
    """How an Avro file is read."""

    ranges: tuple[tuple[int, int], ...]  # of whole blocks, as numbers of rows
    columns: tuple[str, ...]  # of each field
    refused: tuple[Refused, ...]  # from a block on that is not whole: where the next one begins nobody knows


def avro_ranges(path: str, data: DataSet, target: int) -> AvroRanges:
    """Ranges of a few times `target` bytes.

    Raises:
        Damaged: not one block of it is whole.
        DataFailure: it is no Avro file, or its columns do not fit the contract.
    """
    with reaching(path), storage.open_file(path) as file:
        header = _read_header(file, path)
        columns = typed_columns([(name, cell.arrow) for name, cell in header.schema.cells.items()], path, data)
        ranges, start, end, size, at = [], 0, 0, 0, header.end
        refused: tuple[Refused, ...] = ()
        try:
            for part in _parts(file, header, path):
                end, size, at = end + part.rows, size + part.size, part.start + part.size + _SYNC
                if size >= _RANGE * target:
                    ranges.append((start, end))
                    start, size = end, 0
        except Damaged as why:
            if not end:
                raise
            refused = (Refused(end, OPEN_END, file.seek(0, io.SEEK_END) - at, BLOCK, str(why)),)
        if end > start:
            ranges.append((start, end))
        return AvroRanges(tuple(ranges), columns, refused)


def avro_blocks(
    path: str, file: str, start: int, end: int, columns: tuple[str, ...], target: int
) -> Iterator[RawBlock]:
    """The rows of a range as blocks of about `target` bytes before they are decoded, each of whole blocks of the file.

    At damage, a block for each one of the file that has some.

    Raises:
        DataFailure: the file is not the one that was planned.
    """
    try:
        yield from _blocks(path, file, start, end, columns, target)
    except Damaged as damage:
        yield from (refused_block(file, each) for each in _damaged_blocks(path, start, end, columns, damage))


def _blocks(path: str, file: str, start: int, end: int, columns: tuple[str, ...], target: int) -> Iterator[RawBlock]:
    kept = tuple(column for column in columns if column)
    with reaching(path), storage.open_file(path) as stream:
        header = _read_header(stream, path)
        names = [name for name, column in zip(header.schema.cells, columns, strict=True) if column]
        cells = {name: header.schema.cells[name] for name in names}
        at = before = 0
        held: list[tuple[int, bytes]] = []
        rows = packed = 0
        for part in _parts(stream, header, path):
            before += part.rows
            if before <= start:
                at = before
                continue
            held.append((part.rows, _unpacked(stream, part, header, path)))
            rows, packed = rows + part.rows, packed + part.size
            if before >= end or rows >= _MOST_ROWS or sum(len(data) for _, data in held) >= target:
                batch = _decoded(header, held, cells, path)
                yield RawBlock(Origin(file, at, at + rows), b"", None, kept, packed, rows=batch)
                at, held, rows, packed = at + rows, [], 0, 0
            if before >= end:
                break
    if at != end:
        raise DataFailure(f"{file}: rows {start}..{end} were planned, and it ends at {at}; deliver it again")


def _damaged_blocks(path: str, start: int, end: int, columns: tuple[str, ...], damage: Damaged) -> Iterator[Refused]:
    """Those blocks of a range that cannot be read, each looked at alone; or the whole file.

    Raises:
        Damaged: all of them can, this time.
    """
    sound, before = True, 0
    with reaching(path), storage.open_file(path) as stream:
        try:
            header = _read_header(stream, path)
        except Damaged as whole:
            yield whole_file(path, whole)
            return
        named = zip(header.schema.cells.items(), columns, strict=True)
        cells = {name: cell for (name, cell), column in named if column}
        for part in _parts(stream, header, path):
            if before >= start:
                try:
                    _decoded(header, [(part.rows, _unpacked(stream, part, header, path))], cells, path)
                except Damaged as why:
                    yield Refused(before, before + part.rows, part.size, BLOCK, str(why))
                    sound = False
            before += part.rows
            if before >= end:  # the next one may be the one that is not whole, behind the range
                break
    if sound:
        raise damage


def _read_header(file: BinaryIO, path: str) -> _Header:
    content = file.read(_LONGEST_HEADER)
    if not content:
        raise DataFailure(f"{path}: the file is empty; remove it, or deliver it again")
    if not content.startswith(_MAGIC):
        raise DataFailure(f"{path}: no Avro file: it does not begin as one; deliver it again, or mend source.format")
    try:
        source, found = io.BytesIO(content), {}
        source.seek(len(_MAGIC))
        while count := _number(source):
            if count < 0:
                _number(source)  # the bytes of the entries
            for _ in range(abs(count)):
                key = _bytes(source)
                found[key] = _bytes(source)
        sync = source.read(_SYNC)
        codec = found.get(b"avro.codec", b"null").decode()
        schema = read_schema(found[b"avro.schema"])
    except (EOFError, KeyError, ValueError) as fault:
        if isinstance(fault, Unfit):
            raise DataFailure(
                f"{path}: no Avro file that can be read: {fault}; deliver it again, or take it away"
            ) from fault
        raise Damaged(f"{path}: no Avro file that can be read: its header is none") from fault
    if codec not in CODECS:
        raise DataFailure(f"{path}: its blocks are packed with {codec}; known: {', '.join(CODECS)}; pack it otherwise")
    return _Header(schema, codec, sync, source.tell())


def _parts(file: BinaryIO, header: _Header, path: str) -> Iterator[_Part]:
    """The blocks of the file, stepped over without reading what is in them."""
    size, at = file.seek(0, io.SEEK_END), header.end
    while at < size:
        counts = io.BytesIO(_at(file, at, _LONGEST_COUNTS))
        try:
            rows, length = _number(counts), _number(counts)
        except EOFError as fault:
            raise _damaged(path, at) from fault
        start = at + counts.tell()
        whole = _at(file, start + max(length, 0), _SYNC) == header.sync
        if rows < 1 or not 0 <= length <= LARGEST_BLOCK or not whole:
            raise _damaged(path, at)
        yield _Part(rows, start, length)
        at = start + length + _SYNC


def _unpacked(file: BinaryIO, part: _Part, header: _Header, path: str) -> bytes:
    try:
        data = CODECS[header.codec](_at(file, part.start, part.size))
    except UNPACKING as fault:
        raise _damaged(path, part.start, f"a block cannot be unpacked ({fault})") from fault
    if len(data) > LARGEST_BLOCK:
        raise _damaged(path, part.start, f"more than {LARGEST_BLOCK:,} bytes come out of a block")
    if part.rows * header.schema.width > len(data):
        raise _damaged(path, part.start, "a block has fewer bytes than its rows must have")
    return data


def _decoded(
    header: _Header, blocks: Sequence[tuple[int, bytes]], cells: Mapping[str, Cell], path: str
) -> pa.RecordBatch:
    """The kept fields of the rows of unpacked blocks, each from its own first byte.

    A block is its number of rows and their bytes.
    """
    text = json.dumps(header.schema.schema).encode()
    meta = b"".join(_sized(part) for part in (b"avro.schema", text, b"avro.codec", b"null"))
    parts = [part for rows, data in blocks for part in (_long(rows), _sized(data), header.sync)]
    file = b"".join((_MAGIC, _long(2), meta, b"\0", header.sync, *parts))
    import fastavro  # noqa: PLC0415  # loaded where there are such files

    try:
        records: list[Any] = list(fastavro.reader(io.BytesIO(file)))
        batch = avro_cells(records, cells)
    except Exception as fault:  # whatever a decoder says of damaged bytes
        raise Damaged(
            f"{path}: no whole Avro file: a row cannot be decoded ({type(fault).__name__}: {fault})"
        ) from fault
    if len(records) != (rows := sum(count for count, _ in blocks)):
        raise Damaged(f"{path}: a block says that it has {rows} rows and has {len(records)}")
    return batch


def _at(file: BinaryIO, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


def _damaged(path: str, at: int, why: str = "a block is not whole") -> Damaged:
    return Damaged(f"{path}: no whole Avro file: {why} at byte {at:,}")


def _number(source: BinaryIO) -> int:
    """A long as Avro writes it: seven bits a byte, zigzag."""
    value = shift = 0
    while True:
        byte = source.read(1)
        if not byte or shift > 63:
            raise EOFError
        value |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80:
            return (value >> 1) ^ -(value & 1)


def _bytes(source: BinaryIO) -> bytes:
    length = _number(source)
    if length < 0 or len(found := source.read(length)) < length:
        raise EOFError
    return found


def _long(value: int) -> bytes:
    r"""The inverse of `_number`, for what is not negative.

    >>> _long(1), _long(64)
    (b'\x02', b'\x80\x01')
    """
    value, found = value << 1, bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _sized(part: bytes) -> bytes:
    return _long(len(part)) + part
