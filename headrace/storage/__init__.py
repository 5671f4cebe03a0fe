"""The one place that touches paths: what has a scheme (`s3://…`) is an object of a store, all else a file.

Every call means the same in both; the difference between a folder and a store ends here.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO

import pyarrow as pa

from headrace.failures import PlaceFailure
from headrace.storage import local
from headrace.storage.kinds import Delivered, Entry, FileStatus, NewFile, Storage

__all__ = [
    "Delivered",
    "Entry",
    "FileStatus",
    "NewFile",
    "absolute",
    "arrow_file",
    "create",
    "delivered",
    "fixed_folder",
    "is_folder",
    "join",
    "listing",
    "locked",
    "make_folder",
    "names",
    "on_a_store",
    "open_file",
    "put",
    "put_folder",
    "put_if_absent",
    "read",
    "remove",
    "remove_folder",
    "resolved",
    "resolved_each",
    "scratch",
    "status",
]


def on_a_store(path: str) -> bool:
    """Whether it is a URI.

    >>> on_a_store("s3://lake/shop"), on_a_store("lake/shop")
    (True, False)
    """
    return "://" in path


def _of(path: str) -> Storage:
    if not on_a_store(path):
        return local
    try:
        from headrace.storage import objects  # noqa: PLC0415  # its library is an extra, loaded where there is a store
    except ModuleNotFoundError as lacking:
        raise PlaceFailure(
            f"{path}: to reach an object store, {lacking.name} must be installed: pip install 'headrace[stores]', or "
            "scripts/setup"
        ) from lacking
    return objects


def join(root: str, *parts: str) -> str:
    """The path of something under a root."""
    return os.path.join(root, *parts)  # noqa: PTH118  # URIs pass through here too, pathlib would fold their //


def absolute(path: str) -> str:
    """The path as every process names it, whatever folder it works in; a URI is so already.

    >>> absolute("s3://lake/shop"), absolute("/lake//shop")
    ('s3://lake/shop', '/lake/shop')
    """
    return path if on_a_store(path) else os.path.abspath(path)  # noqa: PTH100


def resolved(path: str) -> str:
    """The one name of a file, however it is spelled."""
    return _of(path).resolved(path)


def resolved_each(paths: Sequence[str]) -> Iterator[str]:
    """`resolved` of many paths of one kind."""
    return _of(paths[0] if paths else "").resolved_each(paths)


def status(path: str) -> FileStatus | None:
    """What identifies the file's content, or None where there is no such file."""
    return _of(path).status(path)


def is_folder(path: str) -> bool:
    """Whether a folder stands there; on a store, whether there are objects below."""
    return _of(path).is_folder(path)


def read(path: str) -> bytes | None:
    """The whole of a small file, or None where there is no such file."""
    return _of(path).read(path)


def names(folder: str) -> list[str]:
    """The names in a folder, sorted; none where there is no such folder."""
    return _of(folder).names(folder)


def listing(folder: str) -> list[Entry]:
    """The files in a folder, by name; none where there is no such folder."""
    return _of(folder).listing(folder)


def open_file(path: str) -> BinaryIO:
    """The file, to be read and sought in.

    Raises:
        FileNotFoundError: there is none.
        DataFailure: an object is replaced by another one, or removed, while it is read.
    """
    return _of(path).open_file(path)


def arrow_file(path: str) -> pa.NativeFile:
    """The file, to be read in pieces by Arrow; raises as `open_file` does."""
    return _of(path).arrow_file(path)


def create(path: str) -> NewFile:
    """A new file, in a folder that is there; it is real when it is finished."""
    return _of(path).create(path)


def make_folder(folder: str) -> None:
    """Make sure the folder is there and can be written.

    Raises:
        PlaceFailure: it cannot be made, or nothing can be written into it.
    """
    _of(folder).make_folder(folder)


def scratch(folder: str, name: str) -> AbstractContextManager[str]:
    """A new folder in that one for the time of the block; it is gone afterwards, also after a failure.

    Its name begins with `_`, so nobody takes it for a table. What a killed run has left
    is removed when it is a day old.
    """
    return _of(folder).scratch(folder, name)


def put_if_absent(path: str, content: bytes) -> bool:
    """Write a file that did not exist; False, and nothing changed, where it did.

    The content is complete the moment the name appears.
    """
    return _of(path).put_if_absent(path, content)


def put(path: str, content: bytes) -> None:
    """Write a file in one step: readers see the old content or the new, never a part."""
    _of(path).put(path, content)


def put_folder(folder: str, files: Mapping[str, bytes]) -> None:
    """Write a folder of which the last file says that it is whole: where that one is, all are.

    Where a folder of that name stands already, its files stay, or get this content.
    """
    _of(folder).put_folder(folder, files)


def remove(path: str) -> None:
    """Remove a file; nothing where there is none."""
    _of(path).remove(path)


def remove_folder(folder: str) -> None:
    """Remove a folder with all in it; nothing where there is none.

    A folder goes in one step, as far as a reader can tell. Of a store the logs of tables go
    first, from their ends, so that a table is there as it was, or is none; killed on the
    way, it can be called again.
    """
    _of(folder).remove_folder(folder)


def delivered(pattern: str) -> Delivered:
    """The files that fit a glob, without what is still being written or hidden.

    Names of files and folders that start with `_` or `.`, and files that end in `.tmp`,
    are left alone.
    """
    return _of(pattern).delivered(pattern)


def fixed_folder(pattern: str) -> str:
    """The folder that a pattern looks into, up to its first open part."""
    return _of(pattern).fixed_folder(pattern)


def locked(folder: str) -> AbstractContextManager[None]:
    """Hold the folder for the time of the block: one writer, across processes and machines.

    A lock of a dead process holds nobody up for long. It spares work; that rows are there
    once rests on tokens and sealed plans, never on it.

    Raises:
        Conflict: another process holds it; the message names it.
    """
    return _of(folder).locked(folder)
