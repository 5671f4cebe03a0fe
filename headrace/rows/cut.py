"""Cut files into ranges of whole lines, and read one of them in bounded memory."""

import hashlib
import io
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from headrace import storage
from headrace.failures import DataFailure, reaching
from headrace.rows.avro_files import avro_ranges
from headrace.rows.block import HEAD_BYTES, OPEN_END, LongLine, Origin, RawBlock, Refused
from headrace.rows.folders import folder_cells
from headrace.rows.header import columns_of, read_names
from headrace.rows.parquet_files import parquet_ranges
from headrace.rows.row_end import held_bytes, row_end
from headrace.rows.unpacked import Unpacked, compression_of
from headrace.spec.data_set import DataSet, Source

TARGET = 12_000_000  # bytes of a range: enough to make per-block costs vanish, little enough for many per worker

_CHUNK = 1 << 16
_LONGEST_HEADER = 1_000_000
_LONGEST_SIGNATURE = 8
_BOM = b"\xef\xbb\xbf"
_NO_TEXT = {
    b"\xff\xfe": "UTF-16; convert it to UTF-8, for example with iconv",
    b"\xfe\xff": "UTF-16; convert it to UTF-8, for example with iconv",
    b"\x1f\x8b": "compressed with gzip; name it ….gz or say source.compression: gzip, and pack no archive into another",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; name it ….zst or say source.compression: zstd, and pack no archive "
    "into another",
    b"BZh": "compressed with bzip2; unpack it first",
    b"PK\x03\x04": "a zip archive (or a workbook); unpack or export it first",
    b"PAR1": "a Parquet file; say source.format: parquet",
    b"Obj\x01": "an Avro file; say source.format: avro",
}


class FilePlan(NamedTuple):
    """How one file is read: its ranges tile [data_start, size) and each ends at a row's end or the file's."""

    data_start: int
    ranges: tuple[tuple[int, int], ...]
    header: tuple[str, ...]  # column of each field, "" where it is not kept; empty for JSON lines
    refused: tuple[Refused, ...] = ()  # what cannot be read, behind the ranges


def cut(path: str, data: DataSet, target: int = TARGET) -> FilePlan:
    """Where the rows of a file start and where it can be cut; reads its head and a little around each cut.

    A UTF-8 byte order mark and the header line belong to no range. A range ends
    right after the first row that reaches over `target` bytes. Where a row may have
    several lines, the whole file is read. A compressed file is one range, whose end is
    told by reading it. Ranges of Parquet and Avro are numbers of rows. A file with a header and no rows has no ranges.

    Raises:
        Damaged: nothing of it can be read, though it is of its format.
        DataFailure: the file is empty, is no text, or its header or path does not fit the contract.
    """
    folder_cells(path, data.source)
    if data.source.format == "parquet":
        return FilePlan(0, *parquet_ranges(path, data, target))
    if data.source.format == "avro":
        return FilePlan(0, *avro_ranges(path, data, target))
    if kind := compression_of(path, data.source):
        with reaching(path), Unpacked(path, kind, data.source) as stream:
            header, start = _read_opening(stream, path, data)
            return FilePlan(start, ((start, OPEN_END),), header)
    with reaching(path), storage.open_file(path) as file:
        header, start = _read_opening(file, path, data)
        size = file.seek(0, io.SEEK_END)
        return FilePlan(start, tuple(_ranges(file, start, size, target, data.source)), header)


def read_range(
    path: str, file: str, start: int, end: int, source: Source, *, header: tuple[str, ...], target: int = TARGET
) -> RawBlock:
    """One planned range as whole lines; holds at most `target` and `line.max_bytes` bytes of it.

    `path` is where the bytes are read, `file` the name that goes into the origin.
    When the last line is too long to hold, only its head, length and digest are kept.

    Raises:
        DataFailure: the file is shorter than it was when it was planned.
    """
    origin = Origin(file, start, end)
    with reaching(path), storage.open_file(path) as stream:
        stream.seek(start)
        if end - start <= held_bytes(target, source):
            return RawBlock(origin, _exactly(stream, end - start, path), None, header)
        data = _exactly(stream, target, path)
        data = data[: data.rfind(b"\n") + 1]
        stream.seek(start + len(data))
        return RawBlock(origin, data, _long_line(stream, start + len(data), end, path), header)


def _read_opening(file: BinaryIO, path: str, data: DataSet) -> tuple[tuple[str, ...], int]:
    """The column of each field, and where the rows start; reads no further than that."""
    opening = file.read(_LONGEST_SIGNATURE)
    _refuse_no_text(opening, path)
    start = len(_BOM) if opening.startswith(_BOM) else 0
    if len(opening) == start:
        raise DataFailure(f"{path}: the file is empty; remove it, or deliver it again")
    source = data.source
    if source.format == "jsonl":
        return (), start
    if source.header != "present":
        return columns_of(source.header, path, data), start
    line = opening[start:]
    if b"\n" in line:
        line = line[: line.index(b"\n") + 1]
    else:
        line += file.readline(_LONGEST_HEADER)
    if len(line) >= _LONGEST_HEADER:
        raise DataFailure(f"{path}: no line ends within the first {_LONGEST_HEADER} bytes; is this a CSV file?")
    return columns_of(read_names(line, path, source), path, data), start + len(line)


def _refuse_no_text(opening: bytes, path: str) -> None:
    for signature, what in _NO_TEXT.items():
        if opening.startswith(signature):
            raise DataFailure(f"{path}: this is {what}")


def _ranges(file: BinaryIO, start: int, size: int, target: int, source: Source) -> Iterator[tuple[int, int]]:
    while start < size:
        end = _row_end(file, start, size, target, source)
        yield start, end
        start = end


def _row_end(file: BinaryIO, start: int, size: int, target: int, source: Source) -> int:
    """Right after the first row that ends behind `start + target`; a row begins at `start`."""
    if not source.multiline:  # any newline will do, so nothing before it is read
        return _line_end(file, start + target, size)
    file.seek(start)
    window = file.read(held_bytes(target, source))
    end = row_end(window, target, source)
    return _line_end(file, start + len(window), size) if end is None else start + end


def _line_end(file: BinaryIO, at: int, size: int) -> int:
    """Right after the first newline at or after `at`; `size` where there is none."""
    file.seek(at)
    while chunk := file.read(_CHUNK):
        if (found := chunk.find(b"\n")) >= 0:
            return at + found + 1
        at += len(chunk)
    return size


def _exactly(stream: BinaryIO, length: int, path: str) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise DataFailure(f"{path}: the file is shorter than when it was planned; put the planned file back")
    return data


def _long_line(stream: BinaryIO, offset: int, end: int, path: str) -> LongLine:
    """What is kept of the line in [offset, end), read chunk by chunk."""
    stream.seek(end - len(b"\r\n"))
    ending = _exactly(stream, len(b"\r\n"), path)
    length = end - offset - (2 if ending == b"\r\n" else 1 if ending[1:] == b"\n" else 0)
    stream.seek(offset)
    head = _exactly(stream, min(HEAD_BYTES, length), path)
    digest = hashlib.sha256(head)
    left = length - len(head)
    while left:
        chunk = _exactly(stream, min(left, _CHUNK), path)
        digest.update(chunk)
        left -= len(chunk)
    return LongLine(offset, head, length, digest.hexdigest())
