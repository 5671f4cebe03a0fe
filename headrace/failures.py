"""Failures that a person can act on; each kind has its exit code."""

import re


class Failure(Exception):
    """What went wrong, where, why, and what to do, in the message. Exit code 1."""

    exit_code = 1


class DataFailure(Failure):
    """The data do not keep what was promised: contract, account, tiling. Exit code 3."""

    exit_code = 3


class PlaceFailure(Failure):
    """The machine or cluster lacks something: Java, jars, slots, disk, rights. Exit code 4."""

    exit_code = 4


class Conflict(Failure):
    """Somebody else holds the lock or won the commit; worth a retry. Exit code 6."""

    exit_code = 6


def failure_told(trace: str) -> Failure | None:
    r"""The last failure of ours that an engine tells of as text, since it came from another process.

    >>> failure_told("Traceback …\nheadrace.failures.DataFailure: a.csv: gone [while running 'Read']\n")
    DataFailure('a.csv: gone')
    """
    kinds = {kind.__name__: kind for kind in _kinds(Failure)}
    for module, kind, message in reversed(_RAISED.findall(trace)):
        if module.startswith("headrace.") and kind in kinds:
            return kinds[kind](message)
    return None


def _kinds(kind: type[Failure]) -> list[type[Failure]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _kinds(child))]


# As a trace ends; Beam adds the name of the step.
_RAISED = re.compile(r"^((?:[A-Za-z_]\w*\.)+)([A-Za-z_]\w*): ?(.*?)(?: \[while running '[^']*'\])?$", re.MULTILINE)
