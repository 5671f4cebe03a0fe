"""Who holds a lock, as the lock itself says it."""

import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from headrace.failures import Conflict

_ENDED = ("Z", "X")  # states that Linux tells: a zombie, and dead


@dataclass(frozen=True)
class Holder:
    """One process."""

    process: int
    host: str
    machine: str  # of all processes that this one's number tells apart, for as long as the machine runs
    began: str = ""  # in ticks since the machine did; empty where nobody could say

    @classmethod
    def here(cls) -> Self:
        """This process."""
        return cls(os.getpid(), socket.gethostname(), _machine(), _seen(os.getpid())[1])

    @classmethod
    def from_json(cls, content: bytes) -> Self | None:
        """The inverse of `to_json`; None where nothing whole stands there."""
        try:
            told = json.loads(content)
            return cls(told["process"], told["host"], told["machine"], told.get("began", ""))
        except (ValueError, KeyError, TypeError):
            return None

    def to_json(self) -> bytes:
        """As a lock keeps it."""
        return json.dumps(asdict(self)).encode()

    def is_dead(self) -> bool:
        """Whether the process is known to have ended: it ran on this machine, and is there no more."""
        if self.machine != _machine():
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        state, began = _seen(self.process)
        # One that has ended is kept until its parent asks how; and its number may be another's by now.
        return state in _ENDED or bool(began and self.began and began != self.began)

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}"


def held_by(folder: str, content: bytes, until: str = "when it has ended") -> Conflict:
    """What a run says that finds a lock held."""
    holder = Holder.from_json(content) or "just starting"
    return Conflict(f"{folder}: another run is at work here ({holder}); try again {until}")


def _seen(process: int) -> tuple[str, str]:
    """The state of a process and when it began, in ticks of the machine; empty where the system does not say."""
    try:
        told = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return "", ""
    fields = told.rpartition(")")[2].split()  # its name stands before, in brackets, and may hold any sign
    return fields[0], fields[19]


def _machine() -> str:
    """This run of this machine and, in a container, its own numbering of processes."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    numbering = Path("/proc/self/ns/pid")
    known = [boot.read_text().strip(), str(numbering.readlink())] if boot.exists() and numbering.exists() else []
    return " ".join([socket.gethostname(), *known])
