"""Blocks travel as Arrow IPC, which is faster than pickle and keeps every type."""

import pickle

import pyarrow as pa
from apache_beam import coders

from headrace.rows.block import Block, Origin, RawBlock


class BlockCoder(coders.Coder):
    """A block as the length and text of its file, its range, and an Arrow IPC stream."""

    def encode(self, value: Block) -> bytes:
        """The block as bytes; equal blocks give equal bytes."""
        file = value.origin.file.encode()
        numbers = b"".join(n.to_bytes(8, "big") for n in (len(file), value.origin.start, value.origin.end))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.rows.schema) as stream:
            stream.write_batch(value.rows)
        return b"".join((numbers, file, sink.getvalue()))

    def decode(self, encoded: bytes) -> Block:
        """The inverse of `encode`."""
        length, start, end = (int.from_bytes(encoded[i : i + 8], "big") for i in (0, 8, 16))
        file = encoded[24 : 24 + length].decode()
        stream = pa.ipc.open_stream(pa.py_buffer(encoded)[24 + length :])
        return Block(Origin(file, start, end), stream.read_next_batch())

    def estimate_size(self, value: Block) -> int:
        """Bytes in memory: Beam samples sizes for its counters, and would encode whole blocks to learn them."""
        return int(value.rows.nbytes)

    def is_deterministic(self) -> bool:
        """Whether equal blocks give equal bytes."""
        return True


class RawBlockCoder(coders.Coder):
    """A raw block as Python has it: its bytes are copied once."""

    def encode(self, value: RawBlock) -> bytes:
        """The block as bytes."""
        return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)

    def decode(self, encoded: bytes) -> RawBlock:
        """The inverse of `encode`."""
        block: RawBlock = pickle.loads(encoded)  # noqa: S301  # of our own workers, never from disk
        return block

    def estimate_size(self, value: RawBlock) -> int:
        """Bytes in memory, as of a block."""
        return len(value.data)


coders.registry.register_coder(Block, BlockCoder)
coders.registry.register_coder(RawBlock, RawBlockCoder)
