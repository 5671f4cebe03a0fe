"""Blocks keep every type on their way through a runner."""

import datetime as dt
from decimal import Decimal

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.coders import registry
from apache_beam.testing.util import assert_that

from headrace.rows.block import Block, LongLine, Origin, RawBlock
from headrace.spec.project import load_data_set
from lib import shop
from transforms.check import Check
from transforms.coders import BlockCoder

ROWS = pa.RecordBatch.from_pydict(
    {
        "text": ["å", None],
        "at": pa.array([dt.datetime(2013, 1, 1, tzinfo=dt.UTC), None], pa.timestamp("us", "UTC")),
        "amount": pa.array([Decimal("1.20"), None], pa.decimal128(9, 2)),
        "reasons": [["a", "b"], []],
        "raw": [b"\x00\xff", None],
    }
)


@pytest.mark.parametrize("rows", [ROWS, ROWS.slice(1), ROWS.slice(0, 0)])
def test_a_block_comes_back_as_it_went(rows):
    """Also a slice, and a block without rows."""
    block = Block(Origin("ä.csv", 3, 2**40), rows)
    back = BlockCoder().decode(BlockCoder().encode(block))
    assert back.origin == block.origin
    assert back.rows.equals(rows)


def test_beam_uses_the_coder_for_blocks():
    """The registry knows it, and a shuffle of blocks gives them back."""
    assert isinstance(registry.get_coder(Block), BlockCoder)

    def same(found):
        assert [b.rows.equals(ROWS) for b in found] == [True, True]

    with beam.Pipeline(runner="FnApiRunner") as root:
        blocks = (
            root | beam.Create([1, 2]) | beam.Map(lambda n: Block(Origin("f", n, n), ROWS)).with_output_types(Block)
        )
        assert_that(blocks | beam.Reshuffle(), same)


@pytest.mark.parametrize(
    ("block", "size"),
    [
        (Block(Origin("f", 0, 1), ROWS), ROWS.nbytes),
        (RawBlock(Origin("f", 0, 9), b"1;2;3\n4;5", LongLine(6, b"4;5", 3, "d"), ("a", "b", "c")), 9),
    ],
    ids=["block", "raw"],
)
def test_a_block_is_not_encoded_to_learn_its_size(block, size, monkeypatch):
    """Beam's byte counters look at every early element; encoding 12 MB for that costs as much as writing it."""
    kind = type(registry.get_coder(type(block)))
    assert kind().decode(kind().encode(block)) == block
    monkeypatch.setattr(kind, "encode", None)
    assert kind().get_impl().get_estimated_size_and_observables(block, nested=True)[0] >= size


def test_checked_blocks_are_typed_as_blocks(tmp_path):
    """So that a runner that breaks fusion there carries them by the coder, not by pickle."""
    data = load_data_set(str(shop.write_project(tmp_path)))[1]
    pipeline = beam.Pipeline(runner="FnApiRunner")
    checked = pipeline | beam.Create([]) | Check(data, 1)
    assert checked.accepted.element_type is Block
