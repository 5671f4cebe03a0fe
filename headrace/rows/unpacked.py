"""The bytes of a file as they were before it was compressed."""

import io
from pathlib import Path

import pyarrow as pa

from headrace import storage
from headrace.failures import DataFailure, refused
from headrace.rows.damaged import Damaged
from headrace.spec.data_set import Source

_BEGINS = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
_BY_NAME = {".gz": "gzip", ".zst": "zstd"}
_FREE = 10_000_000  # bytes that may come of any file: the head of a good one may be all blanks
_READ = 1 << 18


def compression_of(path: str, source: Source) -> str | None:
    """How a file is compressed: as the source says, else by the end of its name; None where it is not.

    >>> source = Source(format="csv", path="")
    >>> compression_of("a.csv.gz", source), compression_of("a.csv", source)
    ('gzip', None)
    """
    if source.compression == "by_name":
        return _BY_NAME.get(Path(path).suffix.lower())
    return None if source.compression == "none" else source.compression


class Unpacked(io.BufferedReader):
    """The content of a compressed file, to be read from front to end in bounded memory.

    Reading raises `Damaged` where the archive is damaged or ends too early, and where more
    comes out of it than `source.unpacked` allows; `DataFailure` where it is no such archive.
    """

    def __init__(self, path: str, kind: str, source: Source) -> None:
        self._unpacking = _Unpacking(path, kind, source)
        super().__init__(self._unpacking, _READ)

    @property
    def packed(self) -> int:
        """How many bytes of the file itself have been read so far."""
        return self._unpacking.packed


class _Unpacking(io.RawIOBase):
    def __init__(self, path: str, kind: str, source: Source) -> None:
        self._path, self._kind, self._limits = path, kind, source.unpacked
        self._packed = pa.PythonFile(storage.open_file(path), "r")
        self._stream = pa.CompressedInputStream(self._packed, kind)
        self._came = 0

    @property
    def packed(self) -> int:
        position: int = self._packed.tell()
        return position

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]  # of what BufferedReader gives
        try:
            read: int = self._stream.readinto(buffer)
        except OSError as fault:
            if machine := refused(fault, self._path):
                raise machine from fault
            self._packed.seek(0)
            if self._packed.read(len(_BEGINS[self._kind])) != _BEGINS[self._kind]:
                raise DataFailure(
                    f"{self._path}: no {self._kind} file, as it does not begin as one ({fault}); deliver it again "
                    "under this name, mend source.compression, or take it away"
                ) from fault
            raise Damaged(
                f"{self._path}: no whole {self._kind} file: {fault} after {self._came:,} bytes of its content"
            ) from fault
        self._came += read
        self._hold_limits()
        return read

    def _hold_limits(self) -> None:
        most, ratio = self._limits.max_bytes, self._limits.max_ratio
        if self._came > most:
            raise Damaged(
                f"{self._path}: more than {most:,} bytes come out of this {self._kind} file; if it is meant to be so "
                "large, raise source.unpacked.max_bytes"
            )
        if self._came > max(_FREE, ratio * self.packed):
            raise Damaged(
                f"{self._path}: this {self._kind} file unpacks to more than {ratio:g} times its size, as files made to "
                "fill disks do; if it is a good one, raise source.unpacked.max_ratio"
            )

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            self._packed.close()
        super().close()
