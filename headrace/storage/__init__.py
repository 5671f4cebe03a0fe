"""The one place that touches paths: local folders now, the same calls for object stores."""

import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from headrace.failures import PlaceFailure

_DAY = 86_400  # seconds
_UMASK = os.umask(0o022)  # asking for it means setting it
os.umask(_UMASK)


class FileStatus(NamedTuple):
    """What identifies a file's content cheaply."""

    size: int  # bytes
    modified: int  # ns since the epoch


def join(root: str, *parts: str) -> str:
    """The path of something under a root."""
    return os.path.join(root, *parts)  # noqa: PTH118  # URIs pass through here too, pathlib would fold their //


def status(path: str) -> FileStatus | None:
    """Size and modification time, or None where there is no such file."""
    try:
        found = os.stat(path)  # noqa: PTH116  # one call for both numbers
    except FileNotFoundError:
        return None
    return FileStatus(found.st_size, found.st_mtime_ns)


def is_folder(path: str) -> bool:
    """Whether a folder stands there."""
    return Path(path).is_dir()


def read(path: str) -> bytes | None:
    """The whole of a small file, or None where there is no such file."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return None


def names(folder: str) -> list[str]:
    """The names in a folder, sorted; none where there is no such folder."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208  # names are wanted, not paths
    except FileNotFoundError:
        return []


def make_folder(folder: str) -> None:
    """Make sure the folder is there and can be written.

    Raises:
        PlaceFailure: it cannot be made, or nothing can be written into it.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as failure:
        raise PlaceFailure(
            f"{folder}: cannot be written ({failure.strerror}); "
            "name another root in the place file, or mend the rights of this one"
        ) from failure


@contextmanager
def scratch(folder: str, name: str) -> Iterator[str]:
    """A new folder in that one for the time of the block; it is gone afterwards, also after a failure.

    Its name begins with `_`, so nobody takes it for a table. What a killed run has left
    is removed when it is a day old.
    """
    own = Path(folder) / f"_{name}-{uuid.uuid4().hex}"
    for left in Path(folder).glob(f"_{name}-*"):
        with suppress(FileNotFoundError):  # another run was faster
            if time.time() - left.stat().st_mtime > _DAY:
                shutil.rmtree(left, ignore_errors=True)
    make_folder(str(own))
    try:
        yield str(own)
    finally:
        shutil.rmtree(own, ignore_errors=True)


def put_if_absent(path: str, content: bytes) -> bool:
    """Write a file that did not exist; False, and nothing changed, where it did.

    The content is complete the moment the name appears: it is written under a
    temporary name and linked, and a link refuses a name that is taken.
    """
    with _beside(path, content) as draft:
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
    return True


def put(path: str, content: bytes) -> None:
    """Write a file in one step: readers see the old content or the new, never a part."""
    with _beside(path, content) as draft:
        os.replace(draft, path)  # noqa: PTH105


class _beside:  # noqa: N801  # reads as a word in the with statement
    """A finished file under a temporary name beside `path`; gone at the end unless it was moved."""

    def __init__(self, path: str, content: bytes) -> None:
        self._folder = os.path.dirname(path) or "."  # noqa: PTH120
        self._content = content

    def __enter__(self) -> str:
        Path(self._folder).mkdir(parents=True, exist_ok=True)
        handle, self._draft = tempfile.mkstemp(prefix="_draft-", dir=self._folder)
        with os.fdopen(handle, "wb") as draft:
            draft.write(self._content)
            draft.flush()
            os.fchmod(draft.fileno(), 0o666 & ~_UMASK)  # a temporary file is its owner's alone
            os.fsync(draft.fileno())
        return self._draft

    def __exit__(self, *_: object) -> None:
        Path(self._draft).unlink(missing_ok=True)


def remove(path: str) -> None:
    """Remove a file; nothing where there is none."""
    Path(path).unlink(missing_ok=True)


def matching(pattern: str) -> Iterator[str]:
    """Paths that fit a glob, sorted, without what is still being written or hidden.

    Names of files and folders that start with `_` or `.`, and files that end in `.tmp`,
    are left alone, as Spark and Hadoop do.
    """
    fixed, opened = _fixed(pattern)
    start = 0 if str(fixed) == "." else len(os.path.join(fixed, ""))  # noqa: PTH118  # paths are many, and plain text
    for path in sorted(map(str, fixed.glob(str(opened)))):
        found = path[start:].split(os.sep)  # noqa: PTH206  # what the pattern left open: folders count as well as the name
        left_alone = path.endswith(".tmp") or any(part.startswith(("_", ".")) for part in found)
        if not left_alone and os.path.isfile(path):  # noqa: PTH113
            yield path


def fixed_folder(pattern: str) -> str:
    """The folder that a pattern looks into, up to its first open part.

    >>> fixed_folder("raw/orders/2024-*.csv"), fixed_folder("orders.csv")
    ('raw/orders', '.')
    """
    return str(_fixed(pattern)[0])


def _fixed(pattern: str) -> tuple[Path, Path]:
    parts = Path(pattern).parts
    end = next((n for n, part in enumerate(parts) if set(part) & set("*?[")), len(parts) - 1)
    return Path(*parts[:end]), Path(*parts[end:])


def resolved(path: str) -> str:
    """The one name of a file, however it is spelled: absolute, without links, `.` and `..`."""
    return os.path.realpath(path)


def resolved_each(paths: Iterable[str]) -> Iterator[str]:
    """`resolved` of many paths; a folder that holds many of them is looked up once."""
    folders: dict[str, str] = {}
    for path in paths:
        folder, name = os.path.split(path)
        if os.path.islink(path):  # noqa: PTH114  # paths are many, and plain text
            yield resolved(path)
            continue
        if folder not in folders:
            folders[folder] = resolved(folder)
        yield os.path.join(folders[folder], name)  # noqa: PTH118


def absolute(path: str) -> str:
    """The path as every process names it, whatever folder it works in; a URI is so already.

    >>> absolute("s3://lake/shop"), absolute("/lake//shop")
    ('s3://lake/shop', '/lake/shop')
    """
    return path if "://" in path else os.path.abspath(path)  # noqa: PTH100
