"""Messages of a topic to rows that keep their contract, and messages that do not.

A message is judged as the one line it would be in a file of JSON lines, or as a row of an
Avro file. Its place is told as a line's is: `_file` is `topic/partition`, `_offset` its offset there.
"""

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.rows.avro_messages import AvroMessages
from headrace.rows.block import HEAD_BYTES, Block, Counts
from headrace.rows.cells import as_mask
from headrace.rows.check import Checker
from headrace.rows.lines import Ints
from headrace.rows.message_rows import MessageRows, Unreadable, json_rows
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

_BAD = pa.schema([QUARANTINE_SCHEMA.field("reasons")])

type _Reader = Callable[[str, pa.BinaryArray], Iterable[MessageRows | Unreadable]]
"""Makes rows of the values of messages, given the name of their partition."""


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

    Raises:
        UsageFailure: the schema of messages in Avro is none, or does not fit the contract.
    """

    def __init__(self, data: DataSet) -> None:
        self._checker = Checker(data)
        self._read: _Reader = AvroMessages(data) if data.source.format == "avro" else json_rows
        self._time = data.time
        self._lateness = pa.scalar(data.lateness, pa.duration("us"))
        self._max_bytes = data.source.line.max_bytes
        self.schema = self._checker.schema.append(LATE)
        self.quarantine_schema = QUARANTINE_SCHEMA.append(KEY)

    def split(self, block: Block) -> CheckedMessages:
        """Every message as an accepted row or, with every reason, as a quarantined one."""
        file, messages = block.origin.file, block.rows
        accepted, bad = _Gathered(self.schema), _Gathered(_BAD)
        reasons: Counter[str] = Counter()
        has_value = as_mask(messages.column("value").is_valid())
        valued, tombstones = np.flatnonzero(has_value), np.flatnonzero(~has_value)
        for rows in self._read(file, messages.column("value").drop_null()):
            if isinstance(rows, Unreadable):
                bad.add(_with_reason(rows.reason, len(rows.at)), valued[rows.at])
                reasons[rows.reason] += len(rows.at)
                continue
            checked = self._checker.split(rows.raw)
            at = valued[_messages_at(checked.accepted, rows)]
            accepted.add(self._accepted(checked.accepted, messages, at), at)
            bad.add(checked.quarantined.select(["reasons"]), valued[_messages_at(checked.quarantined, rows)])
            reasons.update(checked.counts.reasons)
        bad.add(_with_reason(NO_VALUE, len(tombstones)), tombstones)
        reasons += Counter({NO_VALUE: len(tombstones)})

        kept, why = accepted.in_order(), bad.in_order()
        quarantined = self._quarantined(file, messages.take(pa.array(why.at)), why.rows.column("reasons"))
        counts = Counts(block.origin, messages.num_rows, kept.rows.num_rows, quarantined.num_rows, dict(reasons))
        late = pc.sum(kept.rows.column(LATE.name)).as_py() or 0
        return CheckedMessages(kept.rows, quarantined, counts, late, self._newest(kept.rows))

    def _accepted(self, rows: pa.RecordBatch, messages: pa.RecordBatch, at: Ints) -> pa.RecordBatch:
        """The rows, each with its message's offset, and whether it came late."""
        own = messages.select(["offset", "time"]).take(pa.array(at))
        place = rows.schema.get_field_index("_offset")
        rows = rows.set_column(place, rows.schema.field(place), own.column("offset"))
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


class _Gathered:
    """Rows of messages, put together in the order of these."""

    class InOrder(NamedTuple):
        """Rows, and which message each was."""

        rows: pa.RecordBatch
        at: Ints

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._parts: list[pa.RecordBatch] = []
        self._at: list[Ints] = []

    def add(self, rows: pa.RecordBatch, at: Ints) -> None:
        """Note rows and the messages that they were."""
        if rows.num_rows:
            self._parts.append(rows)
            self._at.append(at)

    def in_order(self) -> InOrder:
        """All of them."""
        if len(self._parts) == 1:  # which is the rule; a reader keeps the order
            return self.InOrder(self._parts[0], self._at[0])
        if not self._parts:
            return self.InOrder(pa.RecordBatch.from_pylist([], self._schema), np.array([], np.int64))
        at = np.concatenate(self._at)
        order = np.argsort(at)
        (rows,) = pa.Table.from_batches(self._parts).combine_chunks().to_batches()
        return self.InOrder(rows.take(pa.array(order)), at[order])


def _with_reason(reason: str, rows: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([[reason]] * rows, _BAD.field("reasons").type)], schema=_BAD)


def _messages_at(rows: pa.RecordBatch, read: MessageRows) -> Ints:
    """Which messages the rows were."""
    at: Ints = read.at[np.searchsorted(read.places, rows.column("_offset").to_numpy())]
    return at
