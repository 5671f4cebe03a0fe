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


def refuse_unfit(schema: pa.Schema, columns: Sequence[str]) -> None:
    """Nothing, where a table can be parted by these columns.

    Raises:
        DataFailure: a column is not there, or of a type whose text is not the same to every reader.
    """
    for name in columns:
        kind = schema.field(name).type if name in schema.names else None
        if kind is None or not any(fits(kind) for fits in _FIT):
            found = "is no column" if kind is None else f"is {kind}"
            raise DataFailure(f"partition_by: {name} {found}; take a text, integer, date, bool or a time with a zone")


def by_partition(rows: pa.RecordBatch, columns: Sequence[str]) -> Iterator[tuple[Partition, pa.RecordBatch]]:
    """The rows of each combination of values, in the order in which the combinations first stand there.

    Raises:
        DataFailure: a value is an empty text, which readers take for null in different ways.
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
        f"{quote(name, safe='')}={'__HIVE_DEFAULT_PARTITION__' if value is None else quote(value, safe='')}/"
        for name, value in partition.items()
    )


def _text(name: str, value: pa.Scalar) -> str | None:
    found = value.as_py()
    if found == "":
        raise DataFailure(
            f"{name} is an empty text in some rows, which a partition cannot be told from null; make it null"
        )
    return None if found is None else as_logged(found)


def as_logged(value: object) -> str:
    """A value as the log has it; a time with its Z, without which Spark would read it in its own zone.

    >>> as_logged(datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)), as_logged(True), as_logged("b")
    ('2024-01-02T03:04:05.000000Z', 'true', 'b')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime) and value.tzinfo:
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    return str(value)
