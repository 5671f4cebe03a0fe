"""Failures that a person can act on; each kind has its exit code."""


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
