"""The statistics of one data file, as Delta's log wants them.

They must never be wrong, only absent: a reader skips files by them. A float column
with a NaN has no bounds (engines order NaN differently); a long string's maximum is
a true upper bound or left out.
"""

import datetime as dt
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MOST_COLUMNS = 32  # Delta's own default for columns with statistics
LONGEST = 64  # characters kept of a string bound
_LAST_CHARACTER = "\U0010ffff"
_EXACT_DIGITS = 15  # decimal digits that survive as a JSON number


class FloatBounds:
    """Bounds and nulls of the float columns, fed batch by batch; Parquet's own are switched off for them."""

    def __init__(self, schema: pa.Schema) -> None:
        self._columns = [f.name for f in schema if pa.types.is_floating(f.type)][:MOST_COLUMNS]
        self.nulls = dict.fromkeys(self._columns, 0)
        self.low: dict[str, float] = {}
        self.high: dict[str, float] = {}
        self._unordered: set[str] = set()

    def update(self, rows: pa.RecordBatch) -> None:
        """Take one more batch into account."""
        for name in self._columns:
            column = rows.column(name)
            self.nulls[name] += column.null_count
            values = column.drop_null().to_numpy(zero_copy_only=False)
            if not len(values):
                continue
            low, high = float(np.min(values)), float(np.max(values))  # NaN spreads
            if not (np.isfinite(low) and np.isfinite(high)):
                self._unordered.add(name)
            self.low[name] = min(self.low.get(name, low), low)
            self.high[name] = max(self.high.get(name, high), high)

    def bounds(self) -> dict[str, tuple[float, float]]:
        """The columns whose bounds may be trusted."""
        return {name: (self.low[name], self.high[name]) for name in self.low if name not in self._unordered}


def file_stats(schema: pa.Schema, footer: pq.FileMetaData, floats: FloatBounds) -> str:
    """Delta's `stats` of a finished file, as JSON text."""
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    nulls: dict[str, int] = dict(floats.nulls)
    for name, (least, most) in floats.bounds().items():
        low[name], high[name] = least + 0.0, most + 0.0  # no minus zero
    for index, field in enumerate(schema):
        # Times always have bounds, wherever they stand: how far a table is complete is read from them.
        told = index < MOST_COLUMNS or pa.types.is_timestamp(field.type)
        if not told or pa.types.is_nested(field.type) or pa.types.is_floating(field.type):
            continue
        _bounds_of(field, footer, low, high, nulls)
    return json.dumps(
        {"numRecords": footer.num_rows, "minValues": low, "maxValues": high, "nullCount": nulls},
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _bounds_of(
    field: pa.Field, footer: pq.FileMetaData, low: dict[str, Any], high: dict[str, Any], nulls: dict[str, int]
) -> None:
    index = footer.schema.names.index(field.name)
    groups = [footer.row_group(i).column(index) for i in range(footer.num_row_groups)]
    stats = [g.statistics for g in groups]
    if any(s is None or not s.has_null_count for s in stats):
        return
    nulls[field.name] = sum(s.null_count for s in stats)
    filled = [s for s, g in zip(stats, groups, strict=True) if s.null_count < g.num_values]
    if not filled or pa.types.is_binary(field.type) or any(not s.has_min_max for s in filled):
        return
    least = _lower(min(s.min for s in filled), field.type)
    most = _upper(max(s.max for s in filled), field.type)
    if least is not None and most is not None:
        low[field.name], high[field.name] = least, most


def _lower(value: Any, kind: pa.DataType) -> Any:
    return value[:LONGEST] if isinstance(value, str) else _plain(value, kind)


def _upper(value: Any, kind: pa.DataType) -> Any:
    if not isinstance(value, str):
        return _plain(value, kind)
    if len(value) <= LONGEST:
        return value
    # Above every string with this prefix, unless the next character is itself the last one there is.
    return None if value[LONGEST] == _LAST_CHARACTER else value[:LONGEST] + _LAST_CHARACTER


def _plain(value: Any, kind: pa.DataType) -> Any:
    if pa.types.is_timestamp(kind):
        return timestamp_text(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if pa.types.is_decimal(kind):
        return float(value) if kind.precision <= _EXACT_DIGITS else None
    return value


def timestamp_text(value: dt.datetime) -> str:
    """A UTC timestamp as Delta's log writes it, microseconds only where there are any.

    >>> timestamp_text(dt.datetime(2013, 1, 1, 10, tzinfo=dt.UTC))
    '2013-01-01T10:00:00.000Z'
    """
    moment = value.astimezone(dt.UTC)
    unit = "milliseconds" if moment.microsecond % 1000 == 0 else "microseconds"
    return moment.replace(tzinfo=None).isoformat(timespec=unit) + "Z"
