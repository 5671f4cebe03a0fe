# ruff: noqa: D102  # headrace.storage says what each call guarantees
"""What every kind of storage gives: folders of this machine and object stores alike."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO, NamedTuple, Protocol

import pyarrow as pa


class FileStatus(NamedTuple):
    """What identifies a file's content cheaply."""

    size: int  # bytes
    stamp: int | str  # ns since the epoch at its last change; on an object store its etag


class Entry(NamedTuple):
    """A file as a listing of its folder shows it."""

    name: str
    size: int  # bytes
    modified: float  # seconds since the epoch


class Delivered(NamedTuple):
    """The files that fit a pattern, in the order of their paths."""

    complete: list[tuple[str, FileStatus]]
    growing: list[str]  # written to while they were looked at; objects appear whole


class NewFile(Protocol):
    """A file that is being written."""

    sink: pa.NativeFile
    """What is written into."""

    def finish(self) -> None:
        """The file is there, whole."""

    def abandon(self) -> None:
        """The file is given up; what is left of it nobody takes for one."""


class Storage(Protocol):
    """The calls of `headrace.storage`, which say what each guarantees."""

    def status(self, path: str) -> FileStatus | None: ...
    def is_folder(self, path: str) -> bool: ...
    def read(self, path: str) -> bytes | None: ...
    def names(self, folder: str) -> list[str]: ...
    def listing(self, folder: str) -> list[Entry]: ...
    def open_file(self, path: str) -> BinaryIO: ...
    def arrow_file(self, path: str) -> pa.NativeFile: ...
    def create(self, path: str) -> NewFile: ...
    def make_folder(self, folder: str) -> None: ...
    def scratch(self, folder: str, name: str) -> AbstractContextManager[str]: ...
    def put_if_absent(self, path: str, content: bytes) -> bool: ...
    def put(self, path: str, content: bytes) -> None: ...
    def put_folder(self, folder: str, files: Mapping[str, bytes]) -> None: ...
    def remove(self, path: str) -> None: ...
    def remove_folder(self, folder: str) -> None: ...
    def delivered(self, pattern: str) -> Delivered: ...
    def fixed_folder(self, pattern: str) -> str: ...
    def resolved(self, path: str) -> str: ...
    def resolved_each(self, paths: Sequence[str]) -> Iterator[str]: ...
    def locked(self, folder: str) -> AbstractContextManager[None]: ...
