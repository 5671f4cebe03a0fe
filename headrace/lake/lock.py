"""One writer per folder, across processes; the lock dies with its process."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace import storage
from headrace.failures import Conflict


@contextmanager
def locked(folder: str) -> Iterator[None]:
    """Hold the folder's lock for the time of the block.

    Raises:
        Conflict: another process holds it; the message names it.
    """
    storage.make_folder(folder)
    path = Path(folder) / "_lock"
    with path.open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            lock.seek(0)
            raise Conflict(
                f"{folder}: another run is at work here ({_holder(lock.read())}); try again when it has ended"
            ) from held
        lock.truncate(0)
        lock.write(json.dumps({"process": os.getpid(), "host": socket.gethostname()}))
        lock.flush()
        yield


def _holder(text: str) -> str:
    try:
        holder = json.loads(text)
    except ValueError:
        return "just starting"
    return f"process {holder['process']} on {holder['host']}"
