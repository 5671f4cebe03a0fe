"""Folders of this machine, or of a file system that is mounted here."""

import fcntl
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from headrace.failures import PlaceFailure
from headrace.storage.holder import Holder, held_by
from headrace.storage.kinds import Delivered, Entry, FileStatus
from headrace.storage.patterns import left_alone, parted

_DAY = 86_400  # seconds
_QUIET = 1.0  # seconds without a change after which a file counts as complete
_UMASK = os.umask(0o022)  # asking for it means setting it
os.umask(_UMASK)


class NewLocalFile:
    """A file under its own name from the beginning; nobody looks at it until it is named somewhere."""

    def __init__(self, path: str) -> None:
        if "=" in (folder := Path(path).parent).name:  # of a partition: made when its first file is
            folder.mkdir(parents=True, exist_ok=True)
        self.sink = pa.OSFile(path, "wb")

    def finish(self) -> None:
        """Close it."""
        self.sink.close()

    def abandon(self) -> None:
        """It stays, as an orphan for upkeep to remove."""
        with suppress(OSError):  # it is given up because of another failure, which is the one to tell
            self.sink.close()


def status(path: str) -> FileStatus | None:
    """Size and time of the last change."""
    try:
        found = os.stat(path)  # noqa: PTH116  # one call for both numbers
    except FileNotFoundError:
        return None
    return FileStatus(found.st_size, found.st_mtime_ns)


def is_folder(path: str) -> bool:
    """Whether a folder stands there."""
    return Path(path).is_dir()


def read(path: str) -> bytes | None:
    """The whole of a small file."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return None


def names(folder: str) -> list[str]:
    """The names in a folder, sorted."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208  # names are wanted, not paths
    except FileNotFoundError:
        return []


def listing(folder: str) -> list[Entry]:
    """The files in a folder, by name; one that goes while it is looked at is left out."""
    found = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.is_file():
                    there = entry.stat()
                    found.append(Entry(entry.name, there.st_size, there.st_mtime))
    return sorted(found)


def open_file(path: str) -> BinaryIO:
    """The file, to be read."""
    return Path(path).open("rb")


def arrow_file(path: str) -> pa.NativeFile:
    """The file, to be read by Arrow."""
    return pa.OSFile(path)


def create(path: str) -> NewLocalFile:
    """A file that is there from the beginning."""
    return NewLocalFile(path)


def make_folder(folder: str) -> None:
    """Make sure the folder is there and can be written."""
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
    """A new folder for the time of the block."""
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
    """Write a file that did not exist: under a temporary name, then linked, and a link refuses a name that is taken."""
    with _beside(path, content) as draft:
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
    return True


def put(path: str, content: bytes) -> None:
    """Write a file in one step."""
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


def put_folder(folder: str, files: Mapping[str, bytes]) -> None:
    """A folder with these files appears whole; where one stands already, it stays as it is."""
    path = Path(folder)
    draft = path.parent / f".{path.name}-{uuid.uuid4().hex}"
    make_folder(str(draft))
    for name, content in files.items():
        put(str(draft / name), content)
    try:
        draft.rename(path)  # the step that makes it real
    except OSError:
        shutil.rmtree(draft)
        if not path.is_dir():
            raise


def remove(path: str) -> None:
    """Remove a file."""
    Path(path).unlink(missing_ok=True)


def remove_folder(folder: str) -> None:
    """Remove a folder and all in it: to a reader it goes in one step."""
    gone = f"{folder}-removed-{uuid.uuid4().hex[:8]}"
    with suppress(FileNotFoundError):
        Path(folder).rename(gone)
        shutil.rmtree(gone)


def matching(pattern: str) -> Iterator[str]:
    """Paths that fit a glob, sorted."""
    folder, opened = _parted(pattern)
    start = 0 if str(folder) == "." else len(os.path.join(folder, ""))  # noqa: PTH118  # paths are many, and plain text
    for path in sorted(map(str, folder.glob(str(opened)))):
        found = path[start:].split(os.sep)  # noqa: PTH206  # what the pattern left open: folders count as well as the name
        if not left_alone(found) and os.path.isfile(path):  # noqa: PTH113
            yield path


def delivered(pattern: str) -> Delivered:
    """The files that fit a pattern; one that was just written is looked at twice."""
    before = {path: status(path) for path in matching(pattern)}
    now = time.time()
    # A clock that runs ahead makes a file look younger than it is, never older: it is looked at twice as well.
    ages = [max(now - int(s.stamp) / 1e9, 0) for s in before.values() if s]
    if (age := min(ages, default=_QUIET)) < _QUIET:
        time.sleep(_QUIET - age)
    after = {path: status(path) for path, found in before.items() if found}
    complete = [(path, found) for path, found in before.items() if found and after[path] == found]
    return Delivered(complete, [path for path, found in after.items() if found and before[path] != found])


def fixed_folder(pattern: str) -> str:
    """The folder that a pattern looks into.

    >>> fixed_folder("raw/orders/2024-*.csv"), fixed_folder("orders.csv")
    ('raw/orders', '.')
    """
    return str(_parted(pattern)[0])


def _parted(pattern: str) -> tuple[Path, Path]:
    folder, opened = parted(Path(pattern).parts)
    return Path(*folder), Path(*opened)


def resolved(path: str) -> str:
    """Absolute, without links, `.` and `..`."""
    return os.path.realpath(path)


def resolved_each(paths: Sequence[str]) -> Iterator[str]:
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


@contextmanager
def locked(folder: str) -> Iterator[None]:
    """Hold the folder's lock, which dies with its process."""
    with _flocked(folder) as lock:
        lock.truncate(0)
        lock.write(Holder.here().to_json())
        lock.flush()
        yield


def _flocked(folder: str) -> BinaryIO:
    """The lock file, held."""
    path = Path(folder) / "_lock"
    while True:
        make_folder(folder)
        with ExitStack() as opened, suppress(FileNotFoundError):
            lock = opened.enter_context(path.open("a+b"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as held:
                lock.seek(0)
                raise held_by(folder, lock.read()) from held
            # A reset may have moved the folder away after the file was opened: that lock would be of what is gone.
            if os.path.samestat(path.stat(), os.fstat(lock.fileno())):
                opened.pop_all()
                return lock
