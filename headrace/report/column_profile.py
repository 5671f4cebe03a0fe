"""What stands in each column of a table: exact, and read one column of one row group at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headrace.features.exact_sum import ExactSum
from headrace.lake.reading import opened
from headrace.lake.snapshot import DataFile

BINS = 24
MOST_DISTINCT = 10_000  # values of a text column that are counted; beyond that only "more than" is said

type Bound = int | float | str | None


@dataclass(frozen=True)
class ColumnProfile:
    """One column. Missing are nulls, NaN and infinities; every other figure is of the rest.

    `histogram` holds for numbers and times the rows of up to `BINS` bins of equal
    width from `low` to `high`; for text the rows of the most frequent values, falling.
    """

    name: str
    kind: str  # the Arrow type
    rows: int
    missing: int
    low: Bound = None  # times as ISO text
    mean: float | None = None
    high: Bound = None
    distinct: int | None = None  # of text; None too where there are more than MOST_DISTINCT
    most_frequent: str | None = None
    histogram: tuple[int, ...] = ()

    @property
    def missing_share(self) -> float | None:
        """Missing rows of all rows; None for a table without rows."""
        return self.missing / self.rows if self.rows else None


def profile(files: Iterable[DataFile], schema: pa.Schema) -> tuple[ColumnProfile, ...]:
    """Every column of a snapshot's files, in the order of the schema.

    Reads the files twice: bounds first, then what lies between them. Holds one column
    of one row group, and for text at most `MOST_DISTINCT` counted values per column.
    """
    opened = tuple(files)
    drafts = [_draft(f) for f in schema]
    for draft, column in _columns(opened, drafts):
        draft.take(column)
    spread = [d for d in drafts if isinstance(d, _Ordered) and d.spreads]
    for draft, column in _columns(opened, spread):
        draft.place(column)
    return tuple(d.finished() for d in drafts)


def _columns[T: _Counted](files: Iterable[DataFile], drafts: list[T]) -> Iterator[tuple[T, pa.ChunkedArray]]:
    for file in files:
        with opened(file.path) as parquet:
            for group in range(parquet.num_row_groups):
                for draft in drafts:
                    yield draft, _column(parquet, group, draft.field, file.partition)


def _column(parquet: pq.ParquetFile, group: int, wanted: pa.Field, partition: dict[str, str | None]) -> pa.ChunkedArray:
    if wanted.name in parquet.schema_arrow.names:
        return parquet.read_row_group(group, columns=[wanted.name]).column(wanted.name)
    # A partition's value stands in the log; a column that was added later is null in older files.
    value = pa.scalar(partition.get(wanted.name), pa.string()).cast(wanted.type)
    return pa.chunked_array([pa.repeat(value, parquet.metadata.row_group(group).num_rows)])


@dataclass
class _Counted:
    """A column of which only rows and nulls are told, such as a list."""

    field: pa.Field
    rows: int = 0
    missing: int = 0

    def take(self, column: pa.ChunkedArray) -> None:
        self.rows += len(column)
        self.missing += column.null_count

    def finished(self) -> ColumnProfile:
        return ColumnProfile(self.field.name, str(self.field.type), self.rows, self.missing)


@dataclass
class _Text(_Counted):
    counts: dict[str, int] | None = field(default_factory=dict)  # None: more than MOST_DISTINCT values

    def take(self, column: pa.ChunkedArray) -> None:
        super().take(column)
        if self.counts is None:
            return
        for chunk in column.chunks:
            found = chunk.drop_null().value_counts()
            for value, n in zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True):
                self.counts[value] = self.counts.get(value, 0) + n
            if len(self.counts) > MOST_DISTINCT:
                self.counts = None
                return

    def finished(self) -> ColumnProfile:
        ranked = sorted((self.counts or {}).items(), key=lambda pair: (-pair[1], pair[0]))
        return ColumnProfile(
            self.field.name,
            str(self.field.type),
            self.rows,
            self.missing,
            distinct=None if self.counts is None else len(ranked),
            most_frequent=ranked[0][0] if ranked else None,
            histogram=tuple(n for _, n in ranked[:BINS]),
        )


@dataclass
class _Ordered(_Counted):
    """Numbers, and times as the whole numbers they are stored as."""

    total: ExactSum = field(default_factory=ExactSum)
    low: float | None = None
    high: float | None = None
    bins: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))

    @property
    def spreads(self) -> bool:
        return self.low is not None and self.low != self.high

    def take(self, column: pa.ChunkedArray) -> None:
        self.rows += len(column)
        present = _present(column)
        self.missing += len(column) - len(present)
        if not len(present):
            return
        bounds = pc.min_max(present).as_py()
        self.low = bounds["min"] if self.low is None else min(self.low, bounds["min"])
        self.high = bounds["max"] if self.high is None else max(self.high, bounds["max"])
        if not _timed(self.field):
            self.total.add(_floats(present))

    def place(self, column: pa.ChunkedArray) -> None:
        """Count a batch into bins; halves are taken so that the widest range does not overflow."""
        assert self.low is not None  # only columns that spread are placed
        assert self.high is not None
        low, width = float(self.low) / 2, float(self.high) / 2 - float(self.low) / 2
        away = _floats(_present(column)) / 2 - low
        # Two bounds may be different and still too close for float64: then all is one bin.
        at = np.minimum((away / width * BINS).astype(np.int64), BINS - 1) if width else np.zeros(len(away), np.int64)
        self.bins += np.bincount(at, minlength=BINS)

    def finished(self) -> ColumnProfile:
        present = self.rows - self.missing
        return ColumnProfile(
            self.field.name,
            str(self.field.type),
            self.rows,
            self.missing,
            low=_bound(self.low, self.field),
            mean=None if _timed(self.field) or not present else float(self.total.value / present),
            high=_bound(self.high, self.field),
            histogram=tuple(self.bins.tolist()) if self.spreads else (present,) if present else (),
        )


def _draft(column: pa.Field) -> _Counted:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _Text(column)
    if pa.types.is_boolean(kind) or pa.types.is_decimal(kind) or _timed(column):
        return _Ordered(column)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _Ordered(column)
    return _Counted(column)


def _timed(column: pa.Field) -> bool:
    return bool(pa.types.is_timestamp(column.type) or pa.types.is_date32(column.type))


def _present(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """What is no null, NaN or infinity, as integers or float64."""
    kind = column.type
    if pa.types.is_date32(kind):
        column = column.cast(pa.int32())
    elif pa.types.is_timestamp(kind):
        column = column.cast(pa.int64())
    elif pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
        return column.filter(pc.is_finite(column))
    return column.drop_null()


def _floats(present: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = present.to_numpy().astype(np.float64)
    return values


def _bound(value: float | None, column: pa.Field) -> Bound:
    """A bound as it is, a time as ISO text.

    >>> _bound(0, pa.field("at", pa.timestamp("us", tz="UTC"))), _bound(1, pa.field("on", pa.date32()))
    ('1970-01-01T00:00:00.000000Z', '1970-01-02')
    """
    if value is None or not _timed(column):
        return value
    stored = pa.int32() if pa.types.is_date32(column.type) else pa.int64()
    # By Arrow: Python's own dates end with the year 9999.
    return str(pa.scalar(value, stored).cast(column.type).cast(pa.string())).replace(" ", "T")
