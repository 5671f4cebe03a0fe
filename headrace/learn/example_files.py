"""Place feature rows into windows and buckets, and write what is labelled; every row is counted once.

The two halves stand on either side of a shuffle: `Placement` says where a row
belongs, by its content alone; `ExampleFiles` writes what has been brought together.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace.features.due import PREDICT_AT
from headrace.lake.data_files import DataFileWriter
from headrace.learn.examples import HASH, LABEL, WINDOW, WINDOWS, Layout, bucket, signed
from headrace.learn.labels import KNOWN
from headrace.learn.windows import OUTSIDE, Windows
from headrace.rows.key_hash import key_hash
from headrace.rules.instants import microseconds

PART = "_part"  # int32: the file a row belongs to
ROW = "_row"  # int64: a hash of all columns, so that rows of one key have an order too
FOUND = "_found"  # int64: how many labels a row has found

PARTS = pa.schema(
    [
        ("window", pa.string()),
        ("added", pa.string()),
        *((name, pa.int64()) for name in ("rows", "examples", "positives", "unlabeled", "known_late")),
        ("digest", pa.string()),
        ("repeated", pa.list_(pa.string())),
    ]
)
"""`Part` as columns."""

_ROW_SALT = 1
_SHOWN = 5


class WindowRows(NamedTuple):
    """What of the feature table lies in one window."""

    rows: int
    first: datetime | None  # earliest predict_at, UTC


@dataclass(frozen=True)
class Placement:
    """Where each feature row belongs, decided by its content and the number of rows per window. Picklable."""

    windows: Windows
    by: str  # the column whose windows these are
    key: tuple[str, ...]
    layouts: tuple[Layout, ...]  # of WINDOWS, in their order

    @property
    def parts(self) -> tuple[tuple[str, Layout], ...]:
        """The window and layout of every file, by its number."""
        return tuple(
            (window, layout)
            for window, layout in zip(WINDOWS, self.layouts, strict=True)
            for _ in range(layout.buckets)
        )

    def schema(self, features: pa.Schema) -> pa.Schema:
        """The columns of the result."""
        own = [(PART, pa.int32()), (HASH, pa.int64()), (ROW, pa.int64())]
        return pa.schema([*(pa.field(*column) for column in own), *features])

    def __call__(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """The rows that lie in a window, with the number of their file and the hashes they are sorted by."""
        window = self.windows.place(rows.column(self.by))
        inside = np.flatnonzero(window != OUTSIDE)
        kept, window = rows.take(pa.array(inside)), window[inside]
        hashes = key_hash(kept, self.key)
        buckets = np.array([layout.buckets for layout in self.layouts], np.uint64)
        firsts = np.cumsum(buckets) - buckets
        part = firsts[window].astype(np.int64) + bucket(hashes, buckets[window])
        own = [
            pa.array(part.astype(np.int32)),
            pa.array(signed(hashes)),
            pa.array(signed(key_hash(kept, rows.schema.names, salt=_ROW_SALT))),
        ]
        return pa.RecordBatch.from_arrays([*own, *kept.columns], schema=self.schema(rows.schema))


def count_windows(rows: pa.RecordBatch, windows: Windows, by: str) -> list[WindowRows]:
    """How many rows lie in each window, and the first time a prediction was due there."""
    window = windows.place(rows.column(by))
    found = []
    for number in range(len(WINDOWS)):
        here = rows.column(PREDICT_AT.name).filter(pa.array(window == number))
        found.append(WindowRows(len(here), pc.min(here).as_py()))
    return found


def cutoffs(counts: Iterable[WindowRows]) -> tuple[int | None, ...]:
    """Per window the time (µs) before which a label must be known: the first prediction of any later window.

    >>> from datetime import UTC
    >>> cutoffs([WindowRows(1, datetime(1970, 1, 1, tzinfo=UTC)), WindowRows(0, None), WindowRows(1, None)])
    (None, None, None)
    """
    limits: list[int | None] = []
    later: int | None = None
    for window in reversed(tuple(counts)):
        limits.append(later)
        if window.first is not None:
            first = microseconds(window.first)
            later = first if later is None else min(first, later)
    return tuple(reversed(limits))


class Part(NamedTuple):
    """The account of one file: rows = examples + unlabeled + known_late."""

    window: str
    added: str | None  # JSON of an `Added`; None: no example
    rows: int
    examples: int
    positives: int
    unlabeled: int
    known_late: int  # labeled, but only after the next window's first prediction was due
    digest: str  # sum of the hashes of all examples, modulo 2^64, hexadecimal
    repeated: list[str]  # keys that found several labels


@dataclass(frozen=True)
class ExampleFiles:
    """Writes one file per part from rows sorted by part; run twice it writes two, of which a commit names one."""

    root: str
    schema: pa.Schema  # of the examples, without the window
    parts: tuple[tuple[str, Layout], ...]
    key: tuple[str, ...]
    cutoffs: Mapping[str, int | None]  # per window, µs; None: whenever the label became known

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Part]:
        """Write the rows; gives the account of each part when it is done."""
        writing: _Writing | None = None
        for batch in batches:
            for number, rows in _runs(batch):
                if writing is None or writing.number != number:
                    if writing is not None:
                        yield writing.close()
                    writing = _Writing(self, number)
                writing.write(rows)
        if writing is not None:
            yield writing.close()


class _Writing:
    """One file being written."""

    def __init__(self, files: ExampleFiles, number: int) -> None:
        self.number = number
        self._files = files
        window, layout = files.parts[number]
        self._window = window
        self._counts: Counter[str] = Counter()
        self._digest = 0
        self._repeated: list[str] = []
        self._cutoff = files.cutoffs[window]
        self._file = DataFileWriter(
            files.root, files.schema, partition={WINDOW: window}, row_group_rows=layout.row_group_rows
        )

    def write(self, rows: pa.RecordBatch) -> None:
        self._note_repeats(rows)
        labeled = rows.column(LABEL).is_valid()
        kept = rows.filter(pc.and_(labeled, self._known_in_time(rows)))
        kept = kept.select(self._files.schema.names).cast(self._files.schema)
        self._counts.update(
            rows=len(rows),
            examples=len(kept),
            positives=_count(pc.equal(kept.column(LABEL), 1.0)),
            unlabeled=len(rows) - _count(labeled),
            known_late=_count(labeled) - len(kept),
        )
        self._digest += int(key_hash(kept, self._files.schema.names, salt=_ROW_SALT).sum(dtype=np.uint64))
        if not self._repeated:
            self._file.write(kept)

    def _known_in_time(self, rows: pa.RecordBatch) -> pa.Array:
        if self._cutoff is None:
            return pa.repeat(pa.scalar(True), len(rows))
        known = rows.column(KNOWN).cast(pa.timestamp("us", "UTC")).cast(pa.int64())
        return pc.fill_null(pc.less(known, self._cutoff), False)

    def _note_repeats(self, rows: pa.RecordBatch) -> None:
        repeated = rows.filter(pc.fill_null(pc.greater(rows.column(FOUND), 1), False))
        for row in repeated.slice(0, _SHOWN - len(self._repeated)).to_pylist():
            self._repeated.append(", ".join(f"{name} {row[name]}" for name in self._files.key))

    def close(self) -> Part:
        added = None
        if self._repeated:
            self._file.abandon()
        else:
            added = self._file.close()
        return Part(
            window=self._window,
            added=added and added.to_json(),
            **{name: self._counts[name] for name in ("rows", "examples", "positives", "unlabeled", "known_late")},
            digest=f"{self._digest % (1 << 64):016x}",
            repeated=self._repeated,
        )


def _runs(batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Slices of a batch in which all rows belong to one part."""
    parts: npt.NDArray[np.int32] = batch.column(PART).to_numpy()
    starts = np.flatnonzero(np.diff(parts, prepend=parts[:1] - 1)) if len(parts) else np.array([], np.int64)
    for start, end in zip(starts, [*starts[1:], len(parts)], strict=True):
        yield int(parts[start]), batch.slice(int(start), int(end - start))


def _count(mask: pa.Array) -> int:
    return int(pc.sum(mask).as_py() or 0)
