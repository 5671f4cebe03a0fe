"""Failures that a person can act on; each kind has its exit code."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager


class Failure(Exception):
    """What went wrong, where, why, and what to do, in the message. Exit code 1."""

    exit_code = 1


class UsageFailure(Failure):
    """The call or the project files ask for what cannot be. Exit code 2."""

    exit_code = 2


class DataFailure(Failure):
    """The data do not keep what was promised: contract, account, tiling. Exit code 3."""

    exit_code = 3


class PlaceFailure(Failure):
    """The machine or cluster lacks something: Java, jars, slots, disk, rights. Exit code 4."""

    exit_code = 4


class Conflict(Failure):
    """Somebody else holds the lock or won the commit; worth a retry. Exit code 6."""

    exit_code = 6


@contextmanager
def reaching(path: str) -> Iterator[None]:
    """Inside, what the machine refuses (room, rights, a broken disk) is a `PlaceFailure` that names the path."""
    try:
        yield
    except OSError as fault:
        if failure := refused(fault, path):
            raise failure from fault
        raise


def refused(fault: OSError, path: str | None = None) -> PlaceFailure | None:
    """What an error of the machine means for a person; None where the machine is not what is at fault.

    >>> refused(OSError(28, "No space left on device"), "lake/events")
    PlaceFailure('lake/events: No space left on device; nothing half-written is visible: free some and run again')
    >>> refused(OSError("Generic S3 error: operation timed out"), "s3://lake/events") is None
    False
    """
    if told := _OF_A_STORE.search(str(fault)):
        why = " ".join(_DRAWN.sub("", told[0]).split())[:400]
        return PlaceFailure(
            f"{path or 'an object store'}: it does not answer ({why}); nothing half-written is visible: wait until "
            "it is back, or mend AWS_ENDPOINT_URL and the credentials in the environment, and run again"
        )
    cure = _CURES.get(fault.errno or _errno_told(str(fault)))
    if cure is None:
        return None
    where, why = path or fault.filename or "a file", fault.strerror or str(fault)
    return PlaceFailure(f"{where}: {why}; nothing half-written is visible: {cure} and run again")


def _errno_told(message: str) -> int:
    """The number that Arrow puts into its text only."""
    told = re.search(r"\[errno (\d+)\]", message, re.IGNORECASE)
    return int(told[1]) if told else 0


_OF_A_STORE = re.compile(r"Generic (S3|GCS|MicrosoftAzure) error.*", re.DOTALL)  # as deltalake's library says it
_DRAWN = re.compile(r"\x1b\[\d+m|↳")
_ROOM, _RIGHTS = "free some", "give the right, or name another root in the place file,"
_CURES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "raise the limit on the size of files",
    errno.EMFILE: "raise the limit on open files",
    errno.ENFILE: "raise the limit on open files",
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: _RIGHTS,
    errno.EIO: "mend the disk",
}


def failure_told(trace: str) -> Failure | None:
    r"""The last failure of ours that an engine tells of as text, since it came from another process.

    >>> failure_told("Traceback …\nheadrace.failures.DataFailure: a.csv: gone [while running 'Read']\n")
    DataFailure('a.csv: gone')
    """
    kinds = {
        f"{kind.__module__}.{kind.__name__}": kind
        for kind in (Failure, UsageFailure, DataFailure, PlaceFailure, Conflict)
    }
    for kind, message in reversed(_RAISED.findall(trace)):
        if kind in kinds:
            return kinds[kind](message)
    return None


# As a trace ends; Beam adds the name of the step.
_RAISED = re.compile(r"^((?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*): ?(.*?)(?: \[while running '[^']*'\])?$", re.MULTILINE)
