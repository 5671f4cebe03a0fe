"""What was written is what is read, or nothing is."""

import pyarrow as pa
import pytest

from headrace.failures import DataFailure
from headrace.lake.data_files import DataFileWriter
from headrace.lake.reading import read_columns, read_file, read_group
from headrace.lake.snapshot import DataFile, RowGroup, row_groups

SCHEMA = pa.schema([("score", pa.float32()), ("id", pa.int64())])
READERS = {
    "file": lambda path: read_file(str(path), SCHEMA),
    "group": lambda path: read_group(RowGroup(str(path), 0, 500), SCHEMA),
    "columns": lambda path: read_columns(RowGroup(str(path), 0, 500), SCHEMA.names),
}


@pytest.fixture
def path(tmp_path):
    """A data file of 500 rows that compress badly."""
    rows = pa.RecordBatch.from_pydict({"score": [(n * 7919 % 500) / 7 for n in range(500)], "id": range(500)}, SCHEMA)
    with DataFileWriter(str(tmp_path), SCHEMA) as file:
        file.write(rows)
        return tmp_path / file.close().name


@pytest.mark.parametrize("reader", READERS)
def test_a_flipped_bit_is_refused_by_every_reader(path, reader):
    """Anywhere in the pages: the bytes are other ones than were written, and the file is named."""
    read = READERS[reader]
    whole = path.read_bytes()
    first = read(path)
    for at in range(60, 1500, 97):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(DataFailure, match=r"\.parquet: the file is damaged"):
            read(path)
    path.write_bytes(whole)
    assert read(path).equals(first)


@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_is_gone_is_named(path, reader):
    """The table still names it, so it is no empty file."""
    with pytest.raises(DataFailure, match="the file is gone"):
        READERS[reader](f"{path}.gone")


def test_a_damaged_footer_is_named(path):
    """Listing row groups tells it as reading does."""
    whole = path.read_bytes()
    path.write_bytes(whole[:-30] + bytes(30))
    file = DataFile(str(path), path.name, 500, len(whole), {}, {}, {})
    with pytest.raises(DataFailure, match=r"\.parquet: the file is damaged"):
        row_groups([file])
