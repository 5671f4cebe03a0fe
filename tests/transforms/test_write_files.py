"""Files hold whole blocks, and a bundle that fails leaves nothing that could be committed."""

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.testing.util import assert_that
from apache_beam.transforms.window import FixedWindows, GlobalWindow, TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from headrace.rows.block import Block, Origin
from transforms.write_files import WriteFiles, _WriteFn

WHOLE, TIME = GlobalWindow(), Timestamp(0)
SCHEMA = pa.schema([("n", pa.int64())])


def block(number, rows):
    batch = pa.RecordBatch.from_pydict({"n": list(range(rows))}, schema=SCHEMA)
    return Block(Origin("f", number, number + 1), batch)


def test_every_block_is_in_one_file_with_its_rows(tmp_path):
    """A tiny target makes a file per block with rows; an empty block opens none."""
    blocks = [block(number, rows) for number, rows in enumerate([200_000, 0, 150_000, 5])]

    def whole(written):
        held = sorted(pair for file in written for pair in file.rows)
        assert held == [(b.origin, b.rows.num_rows) for b in blocks if b.rows.num_rows]
        for file in written:
            assert pq.read_metadata(tmp_path / file.added.name).num_rows == sum(rows for _, rows in file.rows)

    with beam.Pipeline(runner="FnApiRunner") as root:
        source = root | beam.Create(blocks).with_output_types(Block)
        assert_that(source | WriteFiles(str(tmp_path), SCHEMA, target=1), whole)


def test_a_bundle_that_starts_again_forgets_the_failed_one(tmp_path):
    """Blocks of a bundle that died are not in the files of its retry."""
    write = _WriteFn(str(tmp_path), SCHEMA, target=1 << 30)
    write.start_bundle()
    assert list(write.process(block(1, 3), WHOLE, TIME)) == []
    write.start_bundle()
    assert list(write.process(block(2, 4), WHOLE, TIME)) == []
    (finished,) = write.finish_bundle()
    assert finished.value.rows == ((Origin("f", 2, 3), 4),)
    assert finished.value.added.rows == 4


def test_a_file_stays_in_the_window_of_its_blocks(tmp_path):
    """Under fixed windows each window's files are grouped with it, and hold its blocks only."""
    times = [1, 3, 12, 14, 5]

    def apart(found):
        assert {window: sorted(starts) for window, starts in found} == {0: [0, 1, 4], 10: [2, 3]}

    def starts(element, window=beam.DoFn.WindowParam):
        return window.start.seconds(), [origin.start for file in element[1] for origin, _ in file.rows]

    with beam.Pipeline(runner="FnApiRunner") as root:
        blocks = [TimestampedValue(block(number, 2), time) for number, time in enumerate(times)]
        timed = root | beam.Create(blocks, reshuffle=False) | beam.Map(lambda block: block).with_output_types(Block)
        files = timed | beam.WindowInto(FixedWindows(10)) | WriteFiles(str(tmp_path), SCHEMA)
        grouped = files | beam.Map(lambda file: (None, file)) | beam.GroupByKey() | beam.Map(starts)
        assert_that(grouped, apart)
