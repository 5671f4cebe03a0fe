"""Which delivered files no plan holds yet, and what is wrong with the ones that were ingested before."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from headrace import storage
from headrace.failures import DataFailure
from headrace.lake.plans import PlannedFile
from headrace.storage import FileStatus

_MOST_FAULTS = 12  # told in one message


class NothingDelivered(DataFailure):
    """No file ever fitted: too early, or the wrong path."""


class NewFiles(NamedTuple):
    """The files that no plan holds, in the order of their names."""

    complete: list[tuple[str, FileStatus]]
    growing: list[str]  # left alone, as they were written to while they were looked at
    changed: int  # how many of the complete ones a plan holds as they were


def new_files(pattern: str, planned: Mapping[str, PlannedFile], config: str, *, reload: bool = False) -> NewFiles:
    """The files that fit a pattern and that no plan holds as they are.

    `planned` are those that some plan holds, by resolved path. A file that could not be read
    is taken again once it has changed; with `reload` every one is.

    Raises:
        NothingDelivered: no file ever fitted.
        DataFailure: ingested files have changed since, or the folder is not there.
    """
    found = storage.delivered(pattern)
    folder = storage.fixed_folder(pattern)
    if not any(found) and not (planned and storage.is_folder(folder)):
        there = storage.is_folder(folder)
        raise (NothingDelivered if there else DataFailure)(
            f"{pattern}: {'no file fits' if there else f'there is no folder {folder}'} "
            f"(source.path of {config}); deliver files there, or mend the path — it is relative to the working "
            "directory"
        )
    new: list[tuple[str, FileStatus]] = []
    faults: list[str] = []
    seen: set[str] = set()
    changed = 0
    names = storage.resolved_each([path for path, _ in found.complete])
    for (path, status), name in zip(found.complete, names, strict=True):
        before = planned.get(name)
        if before is not None and before.status != status and not (before.unread or reload):
            faults.append(_changed(path, before.status, status))
        elif (before is None or before.status != status) and name not in seen:
            new.append((path, status))
            changed += before is not None
        seen.add(name)
    faults += [
        f"{path!r}: the name is not UTF-8, so no table can hold it; rename the file" for path, _ in new if _odd(path)
    ]
    if faults:
        raise DataFailure(some_of(faults))
    names = storage.resolved_each(found.growing)
    growing = [path for path, name in zip(found.growing, names, strict=True) if name not in planned]
    return NewFiles(new, growing, changed)


def some_of(faults: Sequence[str]) -> str:
    """Several faults as one message, not all of very many."""
    rest = len(faults) - _MOST_FAULTS
    return "\n".join([*faults[:_MOST_FAULTS], *([f"… and {rest} more"] if rest > 0 else [])])


def _odd(path: str) -> bool:
    """Whether a name has bytes that are no UTF-8, which Python carries as lone surrogates."""
    return any("\ud800" <= character <= "\udfff" for character in path)


def _changed(path: str, before: FileStatus, now: FileStatus) -> str:
    if before.size != now.size:
        return (
            f"{path}: was ingested with {before.size} bytes and has changed since (now {now.size}); "
            "deliver corrections as a new file and put this one back as it was, or say source.changed: reload"
        )
    if isinstance(before.stamp, str):
        return (
            f"{path}: was ingested, and is another object of as many bytes now (etag {now.stamp}, "
            f"then {before.stamp}); deliver corrections as a new object and put this one back as it was, or "
            "say source.changed: reload"
        )
    then = f"@{before.stamp // 10**9}.{before.stamp % 10**9:09d}"
    return (
        f"{path}: was ingested, and its time of modification is another now (its {now.size} bytes may be the same); "
        f"if the content is the same, set the time back: touch -d {then} {path}"
    )
