"""Object stores: S3 and those that speak as it does, and with their own credentials GCS and ABFS."""

import io
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, BinaryIO, cast

import obstore
import pyarrow as pa
from obstore.exceptions import AlreadyExistsError

from headrace.failures import PlaceFailure
from headrace.storage.kinds import Delivered, Entry, FileStatus
from headrace.storage.lease import leased
from headrace.storage.object_file import NewObject, ObjectReader
from headrace.storage.patterns import fits, left_alone, parted
from headrace.storage.reach import parts_of, place_of, reaching_store

_DAY = 86_400  # seconds
_AHEAD = 1 << 20  # bytes of a request, unless more is asked for
_LOG = "_delta_log"


def status(uri: str) -> FileStatus | None:
    """Size and etag."""
    place = place_of(uri)
    try:
        with reaching_store(uri):
            return _status(obstore.head(place.store, place.key))
    except FileNotFoundError:
        return None


def is_folder(uri: str) -> bool:
    """Whether there are objects below."""
    return next(_below(uri), None) is not None


def read(uri: str) -> bytes | None:
    """The whole of a small object."""
    place = place_of(uri)
    try:
        with reaching_store(uri):
            return bytes(obstore.get(place.store, place.key).bytes())
    except FileNotFoundError:
        return None


def names(folder: str) -> list[str]:
    """The names in a folder: of objects, and of what stands between slashes."""
    found = _level(folder)
    return sorted(_name(path) for path in (*found["common_prefixes"], *(meta["path"] for meta in found["objects"])))


def listing(folder: str) -> list[Entry]:
    """The objects in a folder, in one request for a thousand of them."""
    return sorted(
        Entry(_name(meta["path"]), meta["size"], meta["last_modified"].timestamp())
        for meta in _level(folder)["objects"]
    )


def open_file(uri: str) -> BinaryIO:
    """The object, read ahead a little: a request for every few bytes would take its time."""
    return io.BufferedReader(ObjectReader(uri), _AHEAD)


def arrow_file(uri: str) -> pa.NativeFile:
    """The object; pieces that stand side by side, as columns do, come with one request."""
    return pa.PythonFile(open_file(uri), "r")


def create(uri: str) -> NewObject:
    """An object that is there when all of it is."""
    return NewObject(uri)


def make_folder(folder: str) -> None:
    """A store has no folders; prove that objects can be written and removed there, and that conditions hold."""
    probe = f"{folder.rstrip('/')}/_probe-{uuid.uuid4().hex}"
    try:
        if not put_if_absent(probe, b"") or put_if_absent(probe, b""):
            raise PlaceFailure(
                f"{folder}: this store writes over an object that it was asked to leave as it is, so two runs could "
                "undo each other's commits; use one that keeps the condition of a conditional put, as S3 itself does"
            )
    finally:
        remove(probe)


@contextmanager
def scratch(folder: str, name: str) -> Iterator[str]:
    """A new prefix for the time of the block."""
    for left in names(folder):
        if left.startswith(f"_{name}-"):
            old = f"{folder.rstrip('/')}/{left}"
            if all(time.time() - meta["last_modified"].timestamp() > _DAY for meta in _below(old)):
                remove_folder(old)
    own = f"{folder.rstrip('/')}/_{name}-{uuid.uuid4().hex}"
    try:
        yield own
    finally:
        remove_folder(own)


def put_if_absent(uri: str, content: bytes) -> bool:
    """Write an object that did not exist: the store itself refuses a name that is taken."""
    place = place_of(uri)
    try:
        with reaching_store(uri):
            obstore.put(place.store, place.key, content, mode="create")
    except AlreadyExistsError:
        return False
    return True


def put(uri: str, content: bytes) -> None:
    """Write an object; a store shows only whole ones."""
    place = place_of(uri)
    with reaching_store(uri):
        obstore.put(place.store, place.key, content)


def put_folder(folder: str, files: Mapping[str, bytes]) -> None:
    """One after another, in their order."""
    for name, content in files.items():
        put(f"{folder}/{name}", content)


def remove(uri: str) -> None:
    """Remove an object."""
    place = place_of(uri)
    with suppress(FileNotFoundError), reaching_store(uri):
        obstore.delete(place.store, place.key)


def remove_folder(folder: str) -> None:
    """All objects below: first those of logs, each log from its end."""
    keys = sorted((str(meta["path"]) for meta in _below(folder)), key=lambda key: (_LOG in key.split("/"), key))
    place = place_of(folder)
    with reaching_store(folder):
        for key in reversed(keys):
            with suppress(FileNotFoundError):
                obstore.delete(place.store, key)


def delivered(pattern: str) -> Delivered:
    """The objects that fit, from listings alone; none of them grows."""
    root, parts = parts_of(pattern)
    folder, opened = parted(parts)
    start = len(folder)
    under = "/".join([root, *folder])
    # One level is asked for alone: what was put away deeper may be much more.
    metas = _level(under)["objects"] if len(opened) == 1 else list(_below(under))
    parents = {tuple(str(meta["path"]).split("/")[:-1]) for meta in metas}
    found = []
    for meta in metas:
        path = str(meta["path"]).split("/")
        folder_mark = not meta["size"] and tuple(path) in parents  # as consoles make one
        if fits(path[start:], opened) and not left_alone(path[start:]) and not folder_mark:
            found.append(("/".join([root, *path]), _status(meta)))
    return Delivered(sorted(found), [])


def fixed_folder(pattern: str) -> str:
    """The prefix that a pattern looks below.

    >>> fixed_folder("s3a://raw/orders/day=*/*.csv")
    's3://raw/orders'
    """
    root, parts = parts_of(pattern)
    return "/".join([root, *parted(parts)[0]])


def resolved(uri: str) -> str:
    """With the scheme that all of its kind are known by."""
    root, parts = parts_of(uri)
    return "/".join([root, *parts])


def resolved_each(uris: Sequence[str]) -> Iterator[str]:
    """`resolved` of many."""
    return map(resolved, uris)


def locked(folder: str) -> AbstractContextManager[None]:
    """Hold the lease of a folder."""
    return leased(folder)


def _status(meta: Mapping[str, Any]) -> FileStatus:
    # A store without etags has versions, or at least a time.
    return FileStatus(meta["size"], meta["e_tag"] or meta["version"] or meta["last_modified"].isoformat())


def _level(folder: str) -> Any:
    """What stands in a folder itself."""
    place = place_of(folder)
    with reaching_store(folder):
        return obstore.list_with_delimiter(place.store, place.key or None)


def _below(folder: str) -> Iterator[Any]:
    """All objects below a folder, in no order."""
    place = place_of(folder)
    with reaching_store(folder):
        for page in cast("Iterator[Sequence[Any]]", obstore.list(place.store, place.key or None, chunk_size=1000)):
            yield from page


def _name(path: str) -> str:
    return path.rpartition("/")[2]
