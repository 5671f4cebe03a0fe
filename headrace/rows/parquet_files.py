"""Parquet files of unknown origin: how they are cut, and their rows read in bounded memory."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from headrace import storage
from headrace.failures import DataFailure, reaching, refused
from headrace.rows.block import Origin, RawBlock, Refused
from headrace.rows.damaged import ROW_GROUP, Damaged, refused_block, whole_file
from headrace.rows.typed_header import typed_columns
from headrace.spec.data_set import DataSet

_MAGIC = b"PAR1"
_ENDING = 8  # bytes behind the footer: its length, and the magic
_LONGEST_FOOTER = 64_000_000
_LONGEST_NAME = 1_000_000
_MOST_ENTRIES = 2_000_000  # of any list in the footer
_MOST_COLUMNS = 10_000
_MOST_ROWS = 131_072  # of a block


def parquet_ranges(path: str, data: DataSet, target: int) -> tuple[tuple[tuple[int, int], ...], tuple[str, ...]]:
    """Ranges of whole row groups, as numbers of rows, of about `target` bytes; and the column of each field.

    Raises:
        Damaged: it is no whole Parquet file.
        DataFailure: it is none at all, or its columns do not fit the contract.
    """
    with opened_parquet(path) as (file, _):
        schema, metadata = file.schema_arrow, file.metadata
        header = typed_columns([(field.name, field.type) for field in schema], path, data)
        ranges, start, end, size = [], 0, 0, 0
        for group in range(metadata.num_row_groups):
            end += metadata.row_group(group).num_rows
            size += metadata.row_group(group).total_byte_size
            if end > start and (size >= target or group == metadata.num_row_groups - 1):
                ranges.append((start, end))
                start, size = end, 0
        if end > start:
            ranges.append((start, end))
        return tuple(ranges), header


def parquet_blocks(
    path: str, file: str, start: int, end: int, header: tuple[str, ...], target: int
) -> Iterator[RawBlock]:
    """The rows of a range as blocks of about `target` bytes; at damage, a block for each row group that has some.

    Raises:
        DataFailure: the file is not the one that was planned.
    """
    try:
        yield from _blocks(path, file, start, end, header, target)
    except Damaged as damage:
        yield from (refused_block(file, each) for each in _damaged_groups(path, start, end, header, damage))


def _blocks(path: str, file: str, start: int, end: int, header: tuple[str, ...], target: int) -> Iterator[RawBlock]:
    kept = tuple(name for name in header if name)
    with opened_parquet(path) as (rows, size_of_file):
        names = [name for name, column in zip(rows.schema_arrow.names, header, strict=True) if column]
        groups, size = _groups(rows.metadata, start, end)
        packed = size_of_file * (end - start) // rows.metadata.num_rows
        many = min(max(target * (end - start) // max(size, 1), 1), _MOST_ROWS)
        at = start
        for batch in rows.iter_batches(many, row_groups=groups, columns=names, use_threads=False):
            origin = Origin(file, at, at + batch.num_rows)
            work = packed * batch.num_rows // (end - start)
            yield RawBlock(origin, b"", None, kept, work, rows=batch.select(names))
            at = origin.end
        if at != end:
            raise Damaged(f"{file}: rows {start}..{end} were planned, and it ends at {at}")


def _damaged_groups(path: str, start: int, end: int, header: tuple[str, ...], damage: Damaged) -> Iterator[Refused]:
    """Those row groups of a range that cannot be read, each looked at alone; or the whole file.

    Raises:
        Damaged: all of them can, this time.
    """
    try:
        with opened_parquet(path) as (rows, size):
            names = [name for name, column in zip(rows.schema_arrow.names, header, strict=True) if column]
            numbers, _ = _groups(rows.metadata, start, end)
            lengths = [rows.metadata.row_group(number).num_rows for number in numbers]
            every = rows.metadata.num_rows
    except Damaged as whole:
        yield whole_file(path, whole)
        return
    sound, at = True, start
    for number, length in zip(numbers, lengths, strict=True):
        try:
            with opened_parquet(path) as (rows, _):
                batches = rows.iter_batches(_MOST_ROWS, row_groups=[number], columns=names, use_threads=False)
                found = sum(batch.num_rows for batch in batches)
            why = "" if found == length else f"{path}: row group {number} should have {length:,} rows and has {found:,}"
        except Damaged as told:
            why = str(told)
        if why:
            yield Refused(at, at + length, size * length // every, ROW_GROUP, why)
            sound = False
        at += length
    if sound:
        raise damage


def _groups(metadata: pq.FileMetaData, start: int, end: int) -> tuple[list[int], int]:
    """The row groups of a range, and their bytes when unpacked.

    Nothing is asked of their columns: of those that a footer describes in a way that cannot
    be, Arrow (25.0.1) throws where nobody catches, which ends the process.
    """
    groups, at, size = [], 0, 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if start <= at and at + group.num_rows <= end:
            groups.append(number)
            size += group.total_byte_size
        at += group.num_rows
    return groups, size


@contextmanager
def opened_parquet(path: str) -> Iterator[tuple[pq.ParquetFile, int]]:
    """A file whose footer has been looked at with limits, and its bytes; what cannot be read is `Damaged`."""
    with ExitStack() as opened, reaching(path):
        source = opened.enter_context(storage.arrow_file(path))
        _look_at_ending(source, path)
        held = opened.pop_all()
    try:
        with (
            held,
            pq.ParquetFile(
                source,
                page_checksum_verification=True,
                pre_buffer=False,
                thrift_string_size_limit=_LONGEST_NAME,
                thrift_container_size_limit=_MOST_ENTRIES,
            ) as file,
        ):
            if file.metadata.num_columns > _MOST_COLUMNS:
                raise DataFailure(
                    f"{path}: has {file.metadata.num_columns:,} columns; up to {_MOST_COLUMNS:,} are read"
                )
            yield file, source.size()
    except (pa.ArrowException, OSError, ValueError, OverflowError) as fault:
        if isinstance(fault, OSError) and (machine := refused(fault, path)):
            raise machine from fault
        why = " ".join(str(fault).split())[:300]
        raise Damaged(f"{path}: no whole Parquet file: {why}") from fault


def _look_at_ending(file: pa.NativeFile, path: str) -> None:
    """Ask that there is a footer, and that it is not too long to be held."""
    size = file.size()
    if not size:
        raise DataFailure(f"{path}: the file is empty; remove it, or deliver it again")
    begins = file.read(len(_MAGIC)) == _MAGIC
    file.seek(max(size - _ENDING, 0))
    ending = file.read(_ENDING)
    if ending[4:] == b"PARE":
        raise DataFailure(f"{path}: an encrypted Parquet file; decrypt it first")
    if ending[4:] != _MAGIC and begins:
        raise Damaged(f"{path}: no whole Parquet file: it does not end as one")
    if ending[4:] != _MAGIC:
        raise DataFailure(f"{path}: no Parquet file: it does not begin as one; deliver it again, or mend source.format")
    footer = int.from_bytes(ending[:4], "little")
    if footer > min(size - _ENDING, _LONGEST_FOOTER):
        raise Damaged(
            f"{path}: no whole Parquet file: its footer says that it is {footer:,} bytes long, the file has {size:,}, "
            f"and up to {_LONGEST_FOOTER:,} are read"
        )
