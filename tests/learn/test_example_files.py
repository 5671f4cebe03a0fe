"""Rows are placed by content alone and written once; every row that is not an example is counted."""

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.lake.data_files import Added
from headrace.learn.example_files import (
    FOUND,
    PART,
    ROW,
    ExampleFiles,
    Placement,
    WindowRows,
    count_windows,
    cutoffs,
)
from headrace.learn.examples import HASH, LABEL, Layout, signed, unsigned
from headrace.learn.labels import KNOWN
from headrace.learn.windows import Windows
from headrace.spec.model import Split

FEATURES = pa.schema([("id", pa.int64()), ("predict_at", pa.timestamp("us", "UTC")), ("f__x", pa.float32())])
WINDOWS = Windows.of(Split(train=("2024-01-01", "2024-01-11"), valid=("2024-01-11", "2024-01-13")))
START = datetime(2024, 1, 1, tzinfo=UTC)


def _rows(ids):
    times = [START + timedelta(hours=i) for i in ids]
    shares = [i / 7 for i in ids]
    return pa.RecordBatch.from_arrays(
        [
            pa.array(ids, pa.int64()),
            pa.array(times, FEATURES.field(1).type),
            pa.array(shares, pa.float32()),
        ],
        schema=FEATURES,
    )


def _placement(buckets=3):
    return Placement(WINDOWS, "predict_at", ("id",), (Layout(buckets, 16), Layout(1, 16), Layout(1, 16)))


def _labeled(rows, placement, found=1):
    """Placed rows as they come out of the join: every third id has no label, known 5 h later."""
    placed = placement(rows)
    order = np.lexsort([placed.column(name).to_numpy() for name in (ROW, HASH, PART)])
    placed = placed.take(pa.array(order))
    ids = placed.column("id").to_numpy()
    columns = {name: placed.column(name) for name in placed.schema.names}
    columns[LABEL] = pa.array((ids % 2).astype("f4"), mask=ids % 3 == 0)
    columns[KNOWN] = pa.array([START + timedelta(hours=int(i) + 5) for i in ids], pa.timestamp("us", "UTC"))
    columns[FOUND] = pa.array([found] * len(ids), pa.int64())
    return pa.RecordBatch.from_pydict(columns)


def _files(root, placement, **changed):
    settings = {
        "root": str(root),
        "schema": pa.schema([(HASH, pa.int64()), (LABEL, pa.float32()), *FEATURES]),
        "parts": placement.parts,
        "key": ("id",),
        "cutoffs": {"train": 10 * 24 * 3_600_000_000 + int(START.timestamp()) * 1_000_000, "valid": None, "test": None},
    }
    return ExampleFiles(**{**settings, **changed})


def test_placement_follows_content_alone():
    """In other batches and another order every row gets the same file and the same hashes."""
    placement, ids = _placement(), list(range(300))
    whole = placement(_rows(ids)).to_pylist()
    parts = [row for start in range(0, 300, 7) for row in placement(_rows(ids[::-1][start : start + 7])).to_pylist()]

    assert sorted(parts, key=lambda row: row["id"]) == whole
    assert {row["id"] for row in whole} == set(range(12 * 24))
    assert {row[PART] for row in whole} == {0, 1, 2, 3}
    assert {row[PART] for row in whole if row["id"] >= 240} == {3}


def test_files_hold_disjoint_ranges_of_hashes():
    """So the lowest hash of a file tells its place, whatever it is called."""
    placed = _placement()(_rows(range(240)))
    ranges = []
    for part in range(3):
        hashes = placed.filter(pa.array(placed.column(PART).to_numpy() == part)).column(HASH).to_numpy()
        ranges.append((hashes.min(), hashes.max()))

    assert all(high < low for (_, high), (low, _) in itertools.pairwise(ranges))


def test_hashes_survive_the_signed_column():
    """Order and value come back."""
    hashes = np.array([0, 1, 2**63 - 1, 2**63, 2**64 - 1], np.uint64)

    assert (np.diff(signed(hashes)) > 0).all()
    assert unsigned(pa.array(signed(hashes))).tolist() == hashes.tolist()


@pytest.mark.parametrize("cut", [300, 11])
def test_every_row_is_an_example_or_counted(tmp_path, cut):
    """The accounts and digests are the same for any batches; labels known too late are left out of train only."""
    placement = _placement()
    rows = _labeled(_rows(range(288)), placement)
    batches = [rows.slice(start, cut) for start in range(0, len(rows), cut)]
    parts = list(_files(tmp_path, placement)(batches))
    whole = list(_files(tmp_path, placement)([rows]))

    assert [part._replace(added=None) for part in parts] == [part._replace(added=None) for part in whole]
    assert sum(part.rows for part in parts) == 288
    assert all(part.rows == part.examples + part.unlabeled + part.known_late for part in parts)
    assert sum(part.unlabeled for part in parts) == 96
    assert sum(part.known_late for part in parts) == 4  # ids 235 to 239 less 237, which has none
    written = [Added.from_json(part.added) for part in parts]
    found = [row for added in written for row in pq.read_table(tmp_path / added.name).to_pylist()]
    assert len(found) == sum(part.examples for part in parts)
    assert all(row[LABEL] == row["id"] % 2 for row in found)


def test_repeated_labels_name_their_keys_and_write_nothing(tmp_path):
    """At most five keys are named, and no file is offered for the commit."""
    placement = _placement(buckets=1)
    (part,) = _files(tmp_path, placement)([_labeled(_rows(range(20)), placement, found=2)])

    assert part.added is None
    assert len(part.repeated) == 5
    assert part.repeated[0].startswith("id ")


def test_windows_are_counted_with_their_first_prediction():
    """Rows outside all windows are in none; a label's deadline is the first prediction of any later window."""
    counts = count_windows(_rows(range(230, 400)), WINDOWS, "predict_at")

    assert counts == [
        WindowRows(10, START + timedelta(hours=230)),
        WindowRows(48, START + timedelta(hours=240)),
        WindowRows(0, None),
    ]
    deadline = int((START + timedelta(hours=240)).timestamp()) * 1_000_000
    assert cutoffs(counts) == (deadline, None, None)
