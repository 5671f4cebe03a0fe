"""Blocks travel as Arrow IPC, which is faster than pickle and keeps every type."""

import pyarrow as pa
from apache_beam import coders

from headrace.rows.block import Block, Origin


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


coders.registry.register_coder(Block, BlockCoder)
