"""A lock on an object store: a lease that its holder renews, and that anybody takes over when it has run out.

Clocks of two machines may differ by seconds, and a holder may be stopped for minutes and go
on: a lease spares two runs the same work. That rows are there once rests on tokens and sealed plans.
"""

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError

from headrace.failures import Conflict, PlaceFailure
from headrace.storage.holder import Holder, held_by
from headrace.storage.reach import place_of, reaching_store

TERM = timedelta(seconds=45)
_RENEWED = TERM / 4
_CLOCKS = timedelta(seconds=5)  # by which two of them may differ


@contextmanager
def leased(folder: str) -> Iterator[None]:
    """Hold the lease of a folder for the time of the block."""
    lease = _Lease(f"{folder.rstrip('/')}/_lock")
    lease.take(folder)
    over = threading.Event()
    renewing = threading.Thread(target=lease.renew, args=(over,), daemon=True, name="lease")
    renewing.start()
    try:
        yield
    finally:
        over.set()
        renewing.join()
        lease.give_back()


class _Lease:
    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._name = uuid.uuid4().hex  # tells what was written here, where the store's answer is lost
        self._mine: Any = None  # the version of the object that says that this process is the holder

    def take(self, folder: str) -> None:
        """Become the holder.

        Raises:
            Conflict: somebody else is.
        """
        try:
            self._write("create")
        except AlreadyExistsError:
            content, version = self._there()
            if self._wrote(content):
                self._mine = version
                return
            if until := _holds_until(content):
                raise held_by(folder, content, f"when it has ended; its lease ends at {until:%H:%M:%S} UTC") from None
            try:
                self._write(version)
            except PreconditionError:
                raise Conflict(f"{folder}: another run was faster to begin here; try again") from None

    def renew(self, over: threading.Event) -> None:
        """Say again and again that the holder lives, until it is over."""
        while not over.wait(_RENEWED.total_seconds()):
            try:
                self._renewed()
            except (PlaceFailure, FileNotFoundError):
                continue  # the store does not answer now; the work itself will say so
            if self._mine is None:
                return

    def _renewed(self) -> None:
        try:
            self._write(self._mine)
        except PreconditionError:
            content, version = self._there()
            # Not by us: it ran out, and somebody else has taken it. By us: the store's answer was lost.
            self._mine = version if self._wrote(content) else None

    def give_back(self) -> None:
        """Let the next one in at once."""
        if self._mine is None:
            return
        try:
            self._write(self._mine, free=True)
        except (PreconditionError, PlaceFailure, FileNotFoundError):
            return  # it is gone already, or it runs out by itself

    def _there(self) -> tuple[bytes, dict[str, str]]:
        place = place_of(self._uri, patient=False)
        with reaching_store(self._uri):
            found = obstore.get(place.store, place.key)
            return bytes(found.bytes()), _version(found.meta)

    def _wrote(self, content: bytes) -> bool:
        return Holder.from_json(content) is not None and json.loads(content).get("lease") == self._name

    def _write(self, mode: Any, *, free: bool = False) -> None:
        place = place_of(self._uri, patient=False)
        until = datetime.now(UTC) + TERM
        told = {**json.loads(Holder.here().to_json()), "lease": self._name, "until": until.isoformat(), "free": free}
        with reaching_store(self._uri):
            self._mine = _version(obstore.put(place.store, place.key, json.dumps(told).encode(), mode=mode))


def _holds_until(content: bytes) -> datetime | None:
    """Until when somebody holds a lease with this content; None where nobody does."""
    holder = Holder.from_json(content)
    if holder is None or holder.is_dead() or (told := json.loads(content))["free"]:
        return None
    until = datetime.fromisoformat(told["until"])
    return until if datetime.now(UTC) < until + _CLOCKS else None


def _version(of: Any) -> dict[str, str]:
    return {key: of[key] for key in ("e_tag", "version") if of[key]}
