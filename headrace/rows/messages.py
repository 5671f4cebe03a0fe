"""Messages of a topic to rows that keep their contract, and messages that do not.

A message is judged as the one line it would be in a file of JSON lines. Its place is told
as a line's is: `_file` is `topic/partition`, `_offset` its offset there.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.rows.block import HEAD_BYTES, Block, Counts, Origin, RawBlock
from headrace.rows.check import Checker
from headrace.rows.lines import Ints
from headrace.rows.quarantine import QUARANTINE_SCHEMA
from headrace.spec.data_set import DataSet

MESSAGES = pa.schema(
    [
        ("offset", pa.int64()),  # in its partition
        ("time", pa.timestamp("us", tz="UTC")),  # as the broker has it; null where it has none
        ("key", pa.binary()),
        ("value", pa.binary()),  # null: a tombstone
    ]
)
"""The rows of a block of messages; the block's origin is `topic/partition` and [first offset, next offset)."""

LATE = pa.field("_late", pa.bool_())  # null: the broker or the row has no time
KEY = pa.field("key", pa.binary())  # of the message
NO_VALUE = "message.null"

# Legal between the tokens of JSON and nowhere within them, as the line ends are that it stands for.
_ONE_LINE = bytes.maketrans(b"\r\n", b"\t\t")


class CheckedMessages(NamedTuple):
    """The ways out of a check: every message takes exactly one of the first two."""

    accepted: pa.RecordBatch
    quarantined: pa.RecordBatch
    counts: Counts
    late: int  # of the accepted
    newest: dt.datetime | None  # event time of the accepted


class MessageChecker:
    """Checks the messages of one data set; what becomes of one depends on it alone.

    Attributes:
        schema: of accepted rows: as `Checker` has it, then `_late`.
        quarantine_schema: of the others: as files have it, then `key`.
    """

    def __init__(self, data: DataSet) -> None:
        self._checker = Checker(data)
        self._time = data.time
        self._lateness = pa.scalar(data.lateness, pa.duration("us"))
        self._max_bytes = data.source.line.max_bytes
        self.schema = self._checker.schema.append(LATE)
        self.quarantine_schema = QUARANTINE_SCHEMA.append(KEY)

    def split(self, block: Block) -> CheckedMessages:
        """Every message as an accepted row or, with every reason, as a quarantined one."""
        valued = pc.is_valid(block.rows.column("value"))
        tombstones = block.rows.filter(pc.invert(valued))
        messages = block.rows.filter(valued)
        values: list[bytes] = messages.column("value").to_pylist()
        data, starts = _as_lines(values)
        checked = self._checker.split(RawBlock(Origin(block.origin.file, 0, len(data)), data))

        accepted = self._accepted(checked.accepted, messages, starts)
        at = _messages_at(checked.quarantined, starts)
        reasons = checked.quarantined.column("reasons")
        quarantined = self._quarantined(block.origin.file, messages.take(pa.array(at)), reasons)
        counts = checked.counts._replace(origin=block.origin)
        if tombstones.num_rows:
            without = self._quarantined(block.origin.file, tombstones, pa.array([[NO_VALUE]] * tombstones.num_rows))
            quarantined = pa.Table.from_batches([quarantined, without]).combine_chunks().to_batches()[0]
            counts = _with_tombstones(counts, tombstones.num_rows)
        late = pc.sum(accepted.column(LATE.name)).as_py() or 0
        return CheckedMessages(accepted, quarantined, counts, late, self._newest(accepted))

    def _accepted(self, rows: pa.RecordBatch, messages: pa.RecordBatch, starts: Ints) -> pa.RecordBatch:
        """The rows, each with its message's offset, and whether it came late."""
        own = messages.take(pa.array(_messages_at(rows, starts)))
        at = rows.schema.get_field_index("_offset")
        rows = rows.set_column(at, rows.schema.field(at), own.column("offset"))
        late = pa.nulls(rows.num_rows, pa.bool_())
        if self._time:
            age = pc.subtract(own.column("time"), rows.column(self._time).cast(pa.timestamp("us", tz="UTC")))
            late = pc.greater(age, self._lateness)
        return rows.append_column(LATE, late)

    def _quarantined(self, file: str, messages: pa.RecordBatch, reasons: pa.ListArray) -> pa.RecordBatch:
        values: list[bytes | None] = messages.column("value").to_pylist()
        whole = [value is None or len(value) <= self._max_bytes for value in values]
        pairs = list(zip(values, whole, strict=True))
        columns = [
            pa.repeat(file, len(values)),
            messages.column("offset"),
            pa.array([value if kept or value is None else value[:HEAD_BYTES] for value, kept in pairs], pa.binary()),
            pa.array([len(value or b"") for value in values], pa.int64()),
            pa.array(
                [None if kept else hashlib.sha256(value or b"").hexdigest() for value, kept in pairs], pa.string()
            ),
            pa.array(whole, pa.bool_()),
            reasons.cast(pa.list_(pa.string())),
            messages.column("key"),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.quarantine_schema)

    def _newest(self, rows: pa.RecordBatch) -> dt.datetime | None:
        newest: dt.datetime | None = pc.max(rows.column(self._time)).as_py() if self._time else None
        return newest


def _as_lines(values: Sequence[bytes]) -> tuple[bytes, Ints]:
    r"""One line for each value, and where each begins; pretty-printed JSON becomes one line of the same JSON.

    >>> data, starts = _as_lines([b'{"a": 1}', b'{\n"a": 2\r\n}', b""])
    >>> data, starts.tolist()
    (b'{"a": 1}\n{\t"a": 2\t\t}\n\n', [0, 9, 21])
    """
    data = b"".join(value + b"\n" for value in values)
    if b"\r" in data or data.count(b"\n") != len(values):
        data = b"".join(value.translate(_ONE_LINE) + b"\n" for value in values)
    lengths = np.fromiter(map(len, values), np.int64, len(values)) + 1
    return data, np.cumsum(lengths) - lengths


def _messages_at(rows: pa.RecordBatch, starts: Ints) -> Ints:
    """Which messages the rows were, by where their lines begin."""
    at: Ints = np.searchsorted(starts, rows.column("_offset").to_numpy())
    return at


def _with_tombstones(counts: Counts, found: int) -> Counts:
    return counts._replace(
        read=counts.read + found,
        quarantined=counts.quarantined + found,
        reasons={**counts.reasons, NO_VALUE: found},
    )
