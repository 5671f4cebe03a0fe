"""Data files are read row group by row group, wherever a worker stands."""

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that

from headrace.failures import DataFailure
from headrace.lake.data_files import DataFileWriter
from headrace.lake.snapshot import DataFile
from transforms.read_delta import ReadDelta, groups_of

SCHEMA = pa.schema([("n", pa.int64())])


@pytest.fixture
def files(tmp_path):
    """Two data files, of three row groups and of one."""
    made = []
    for rows in (25, 3):
        with DataFileWriter(str(tmp_path), SCHEMA, row_group_rows=10) as writer:
            writer.write(pa.RecordBatch.from_pydict({"n": list(range(rows))}, schema=SCHEMA))
            added = writer.close()
        made.append(DataFile(str(tmp_path / added.name), added.name, rows, added.size, {}, {}, {}))
    return made


def test_blocks_tile_the_files(files):
    """Each origin counts rows of its file, and holds those rows."""

    def tiled(blocks):
        found = sorted((b.origin.file, b.origin.start, b.rows.column("n").to_pylist()) for b in blocks)
        spans = [(files[0].path, 0, 10), (files[0].path, 10, 20), (files[0].path, 20, 25), (files[1].path, 0, 3)]
        assert found == sorted((path, start, list(range(start, end))) for path, start, end in spans)

    with beam.Pipeline(runner="FnApiRunner") as root:
        assert_that(root | ReadDelta(files, SCHEMA), tiled)


def test_no_footer_is_opened_while_the_graph_is_laid_out(files, tmp_path):
    """The workers look for row groups: with many files the driver would open one after the other."""
    for file in files:
        (tmp_path / file.name).unlink()
    beam.Pipeline(runner="FnApiRunner") | ReadDelta(files, SCHEMA)
    with pytest.raises(DataFailure, match="the file is gone"):
        list(groups_of(files[0].path, files[0].path))
