"""Which delivered files no plan holds yet, and what is wrong with the ones that were ingested before."""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from headrace import storage
from headrace.failures import DataFailure
from headrace.storage import FileStatus

_QUIET = 1.0  # seconds without a change after which a file counts as complete
_MOST_FAULTS = 12  # told in one message


class NothingDelivered(DataFailure):
    """No file ever fitted: too early, or the wrong path."""


class NewFiles(NamedTuple):
    """The files that no plan holds, in the order of their names."""

    complete: list[tuple[str, FileStatus]]
    growing: list[str]  # left alone, as they were written to while they were looked at


def new_files(pattern: str, planned: Mapping[str, FileStatus], config: str) -> NewFiles:
    """The files that fit a pattern and that no plan holds.

    `planned` are those that some plan holds, by resolved path.

    Raises:
        NothingDelivered: no file ever fitted.
        DataFailure: ingested files have changed since, or the folder is not there.
    """
    found = list(storage.matching(pattern))
    folder = storage.fixed_folder(pattern)
    if not found and not (planned and storage.is_folder(folder)):
        there = storage.is_folder(folder)
        raise (NothingDelivered if there else DataFailure)(
            f"{pattern}: {'no file fits' if there else f'there is no folder {folder}'} "
            f"(source.path of {config}); deliver files there, or mend the path — it is relative to the working "
            "directory"
        )
    new: list[tuple[str, FileStatus]] = []
    faults: list[str] = []
    seen: set[str] = set()
    complete, changing = _complete(found)
    for (path, status), name in zip(complete, storage.resolved_each(path for path, _ in complete), strict=True):
        before = planned.get(name)
        if before is not None and before != status:
            faults.append(_changed(path, before, status))
        elif before is None and name not in seen:
            new.append((path, status))
        seen.add(name)
    faults += [
        f"{path!r}: the name is not UTF-8, so no table can hold it; rename the file" for path, _ in new if _odd(path)
    ]
    if faults:
        raise DataFailure(some_of(faults))
    names = storage.resolved_each(changing)
    return NewFiles(new, [path for path, name in zip(changing, names, strict=True) if name not in planned])


def some_of(faults: Sequence[str]) -> str:
    """Several faults as one message, not all of very many."""
    rest = len(faults) - _MOST_FAULTS
    return "\n".join([*faults[:_MOST_FAULTS], *([f"… and {rest} more"] if rest > 0 else [])])


def _odd(path: str) -> bool:
    """Whether a name has bytes that are no UTF-8, which Python carries as lone surrogates."""
    return any("\ud800" <= character <= "\udfff" for character in path)


def _complete(paths: Sequence[str]) -> tuple[list[tuple[str, FileStatus]], list[str]]:
    """Files that are no longer growing, and those that are; one that was just written is looked at twice."""
    before = {path: storage.status(path) for path in paths}
    now = time.time()
    # A clock that runs ahead makes a file look younger than it is, never older: it is looked at twice as well.
    ages = [max(now - s.modified / 1e9, 0) for s in before.values() if s]
    if (age := min(ages, default=_QUIET)) < _QUIET:
        time.sleep(_QUIET - age)
    after = {path: storage.status(path) for path, status in before.items() if status}
    complete = [(path, status) for path, status in before.items() if status and after[path] == status]
    return complete, [path for path, status in after.items() if status and before[path] != status]


def _changed(path: str, before: FileStatus, now: FileStatus) -> str:
    if before.size != now.size:
        return (
            f"{path}: was ingested with {before.size} bytes and has changed since (now {now.size}); "
            "deliver corrections as a new file and put this one back as it was"
        )
    then = f"@{before.modified // 10**9}.{before.modified % 10**9:09d}"
    return (
        f"{path}: was ingested, and its time of modification is another now (its {now.size} bytes may be the same); "
        f"if the content is the same, set the time back: touch -d {then} {path}"
    )
