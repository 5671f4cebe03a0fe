"""Rows by the partition they belong to, and how Delta's log writes a partition's values."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from headrace.failures import DataFailure

type Partition = dict[str, str | None]

_FIT = (
    pa.types.is_string,
    pa.types.is_integer,
    pa.types.is_date,
    pa.types.is_boolean,
    lambda kind: pa.types.is_timestamp(kind) and kind.tz is not None,
)
_NULL = "__HIVE_DEFAULT_PARTITION__"
_LONGEST = 255  # bytes of one name in a file system


def refuse_unfit(schema: pa.Schema, columns: Sequence[str], sorted_by: Sequence[str] = ()) -> None:
    """Nothing, where a table can be parted by these columns, and the rows of each part sorted by those others.

    Raises:
        DataFailure: a column is not there, of a type whose text is not the same to every reader, or
            to be sorted by and the same in all rows of a part.
    """
    for name in columns:
        kind = schema.field(name).type if name in schema.names else None
        if kind is None or not any(fits(kind) for fits in _FIT):
            found = "is no column" if kind is None else f"is {kind}"
            raise DataFailure(f"partition_by: {name} {found}; take a text, integer, date, bool or a time with a zone")
    if lacking := [name for name in sorted_by if name not in schema.names]:
        raise DataFailure(f"cluster_by: {', '.join(lacking)} is no column; there are {', '.join(schema.names)}")
    if parted := [name for name in sorted_by if name in columns]:
        raise DataFailure(
            f"cluster_by: {', '.join(parted)} parts the table (partition_by), so it is the same in all rows of a "
            "file; leave it out of one of the two"
        )


def by_partition(rows: pa.RecordBatch, columns: Sequence[str]) -> Iterator[tuple[Partition, pa.RecordBatch]]:
    """The rows of each combination of values, in the order in which the combinations first stand there.

    Raises:
        DataFailure: a value is a text that some readers take for null, is too long for the name of a folder, or
            is a day or time outside the years 1 to 9999.
    """
    if not rows.num_rows:
        return
    if not columns:
        yield {}, rows
        return
    codes = [rows.column(name).dictionary_encode(null_encoding="encode").indices.cast(pa.int64()) for name in columns]
    code = codes[0]
    for other in codes[1:]:
        both = pc.add(pc.multiply(code, rows.num_rows + 1), other)
        code = both.dictionary_encode().indices.cast(pa.int64())  # small again, whatever the number of columns
    for value in pc.unique(code):
        chosen = rows.filter(pc.equal(code, value))
        yield {name: _text(name, chosen.column(name)[0]) for name in columns}, chosen


def folder_of(partition: Partition) -> str:
    """Where under a table's root the files of a partition stand: some readers take the values from there.

    >>> folder_of({"shop": "a/b c", "day": None})
    'shop=a%2Fb%20c/day=__HIVE_DEFAULT_PARTITION__/'
    """
    return "".join(
        f"{quote(name, safe='')}={_NULL if value is None else quote(value, safe='')}/"
        for name, value in partition.items()
    )


def _text(name: str, value: pa.Scalar) -> str | None:
    try:
        found = value.as_py()
    except OverflowError as beyond:
        raise DataFailure(
            f"{name} is before the year 1 or after 9999 in some rows ({value.type}), which readers cannot take from a "
            "partition; refuse such rows before, or make it null"
        ) from beyond
    if found in ("", _NULL):
        raise DataFailure(
            f"{name} is {f'the text {found}' if found else 'an empty text'} in some rows, which a partition cannot be "
            "told from null; make it null"
        )
    text = None if found is None else as_logged(found)
    if (length := len(folder_of({name: text})) - 1) > _LONGEST:
        raise DataFailure(
            f"{name} is too long in some rows: the folder of {str(found)[:40]!r}… would have a name of {length} bytes "
            f"(one that is no plain letter or digit takes three), and file systems take {_LONGEST}; part by a shorter "
            "column"
        )
    return text


def as_logged(value: object) -> str:
    """A value as the log has it; a time with its Z, without which Spark would read it in its own zone.

    >>> as_logged(datetime(24, 1, 2, 3, 4, 5, tzinfo=UTC)), as_logged(True), as_logged("b")
    ('0024-01-02T03:04:05.000000Z', 'true', 'b')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime) and value.tzinfo:
        return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
    return str(value)
