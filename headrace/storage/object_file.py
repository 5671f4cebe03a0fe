"""Objects of a store as files: read in pieces, and written whole."""

import io
import tempfile
from contextlib import AbstractContextManager, suppress
from typing import IO, Any

import obstore
import pyarrow as pa
from obstore.exceptions import GenericError, PreconditionError

from headrace.failures import DataFailure, reaching
from headrace.storage.reach import Place, place_of, reaching_store

_MOST = 16 << 20  # bytes of a request: a longer one may take more time than the library waits for


class ObjectReader(io.RawIOBase):
    """One object, of which a read is a request, or some where it is long; all of them answer from the same content.

    Raises:
        FileNotFoundError: there is none; when it is read.
        DataFailure: it was replaced by another one, or removed, after the first read.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._at = 0
        self._meta: Any = None  # of the content that all reads answer from

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move there; only the end must be asked for."""
        if whence == io.SEEK_END:
            offset += self._size()
        elif whence == io.SEEK_CUR:
            offset += self._at
        self._at = offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Bytes from here on, none only at the end."""
        into = memoryview(buffer).cast("B")[:_MOST]
        if not into or (self._meta is not None and self._at >= self._size()):
            return 0
        got = self._got(len(into))
        into[: len(got)] = got
        self._at += len(got)
        return len(got)

    def _got(self, length: int) -> memoryview:
        place = place_of(self._uri)
        options: dict[str, Any] = {"range": (self._at, self._at + length)}
        if self._meta is not None:
            options["if_match"] = self._meta["e_tag"]
        try:
            with reaching_store(self._uri), suppress(_BehindEnd):
                found = _answered(place, options)
                self._meta = found.meta
                return memoryview(found.bytes())
        except (PreconditionError, FileNotFoundError) as changed:
            if self._meta is None:
                raise
            raise DataFailure(
                f"{self._uri}: the object was replaced or removed while it was read; put the one that was there back, "
                "or run again"
            ) from changed

        self._size()
        return memoryview(b"")

    def _size(self) -> int:
        if self._meta is None:
            place = place_of(self._uri)
            with reaching_store(self._uri):
                self._meta = obstore.head(place.store, place.key)
        return int(self._meta["size"])


class _BehindEnd(Exception):
    """The range begins where there is nothing any more."""


def _answered(place: Place, options: dict[str, Any]) -> Any:
    try:
        return obstore.get(place.store, place.key, options=options)  # type: ignore[arg-type]
    except GenericError as fault:
        if " 416 " in str(fault):  # the library has no kind of its own for it
            raise _BehindEnd from fault
        raise


class _Drafting(io.RawIOBase):
    """What is written into a draft; where there is no room, it is this machine's disk that has none."""

    def __init__(self, draft: IO[bytes]) -> None:
        self._draft = draft

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._draft.tell()

    def write(self, content: Any) -> int:
        with _room():
            return self._draft.write(content)


def _room() -> AbstractContextManager[None]:
    return reaching(f"{tempfile.gettempdir()} (TMPDIR), where objects are written before they are uploaded")


class NewObject:
    """Written on this machine's disk first, in a file without a name; the object is there when all of it is."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        with _room():
            self._draft = tempfile.TemporaryFile()  # noqa: SIM115  # closed by finish or abandon
        self.sink = pa.PythonFile(_Drafting(self._draft), "w")

    def finish(self) -> None:
        """Upload it."""
        with _room():
            self._draft.seek(0)
        place = place_of(self._uri)
        with self._draft, reaching_store(self._uri):
            obstore.put(place.store, place.key, self._draft)

    def abandon(self) -> None:
        """Nothing is left of it."""
        self._draft.close()
