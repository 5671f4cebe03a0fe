"""Incremental readers see every added file once, and are told when rows changed under them."""

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from headrace.failures import DataFailure
from headrace.lake.changes import added_between
from headrace.lake.commit import Token, commit_once
from headrace.lake.data_files import write_small
from headrace.lake.tables import create_table

SCHEMA = pa.schema([("n", pa.int64())])


@pytest.fixture
def root(tmp_path):
    """A table with one row in each of versions 1, 2 and 3."""
    where = str(tmp_path / "table")
    create_table(where, SCHEMA)
    for n in (1, 2, 3):
        commit_once(where, [Token("a", n, n - 1 or None)], write_small(where, batch(n)), info={})
    return where


def batch(n):
    return pa.RecordBatch.from_pydict({"n": [n]}, schema=SCHEMA)


def values(files):
    return [f.low["n"] for f in files]


def test_files_between_two_versions_are_found(root):
    """The lower bound is exclusive, the upper inclusive; None means from the start."""
    assert values(added_between(root, 1, 3)) == [2, 3]
    assert sorted(values(added_between(root, None, 2))) == [1, 2]
    assert added_between(root, 3, 3) == ()


def test_a_compaction_changes_nothing_for_a_reader(root):
    """Files that were compacted since are still read as they were added, and not twice."""
    DeltaTable(root).optimize.compact()
    assert values(added_between(root, 1, DeltaTable(root).version())) == [2, 3]


def test_deleted_rows_are_an_error(root):
    """What was made from deleted rows must be made again; silence would keep them."""
    DeltaTable(root).delete("n = 1")
    with pytest.raises(DataFailure, match="version 4 deleted or changed rows"):
        added_between(root, 1, 4)
