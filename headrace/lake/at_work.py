"""One writer per folder, and since when: what it writes is named by no version before its commit."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from headrace import storage

_CLOCKS = dt.timedelta(minutes=15)  # by which those of two machines may differ


@contextmanager
def at_work(folder: str) -> Iterator[None]:
    """Hold the folder's lock for the time of the block, and let others know when that began.

    Raises:
        Conflict: another run is at work there; the message names it.
    """
    with storage.locked(folder):
        storage.put(_path(folder), dt.datetime.now(dt.UTC).isoformat().encode())
        yield


def last_begun(folder: str) -> dt.datetime | None:
    """A time before the last run began to write under the folder, by any machine's clock; None where none ever did.

    Whether it has ended is not asked: a lock cannot tell, once its process has lost it.
    """
    told = storage.read(_path(folder))
    return by_any_clock(told.decode()) if told else None


def by_any_clock(told: str) -> dt.datetime:
    """A time before the one that somebody wrote down as the present one, by any machine's clock."""
    return dt.datetime.fromisoformat(told) - _CLOCKS


def _path(folder: str) -> str:
    return storage.join(folder, "_begun")
