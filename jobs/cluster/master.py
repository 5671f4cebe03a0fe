"""What a Spark master says of itself before anything is started: local or not, and how many slots."""

import os
import re


def is_local(master: str) -> bool:
    """Whether driver and tasks share one machine.

    >>> is_local("local[4]"), is_local("spark://host:7077")
    (True, False)
    """
    return master.startswith("local")


def local_slots(master: str) -> int | None:
    """How many tasks run at once on a local master; None where only the cluster knows.

    >>> local_slots("local"), local_slots("local[3]"), local_slots("local[2,4]"), local_slots("yarn")
    (1, 3, 2, None)
    """
    if master == "local":
        return 1
    if match := re.fullmatch(r"local\[(\*|\d+)(?:,\s*\d+)?\]", master):
        return usable_cores() if match[1] == "*" else int(match[1])
    if match := re.fullmatch(r"local-cluster\[(\d+),(\d+),\d+\]", master):
        return int(match[1]) * int(match[2])
    return None


def usable_cores() -> int:
    """The cores this process may run on, which `taskset` and a batch system can make fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
