"""What a glob means, whatever it is looked up in."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

_OPEN = frozenset("*?[")


def parted(parts: Sequence[str]) -> tuple[list[str], list[str]]:
    """The folder that a pattern looks into, and what it leaves open: the first open part and all behind it.

    >>> parted(["raw", "day=*", "a.csv"]), parted(["a.csv"])
    ((['raw'], ['day=*', 'a.csv']), ([], ['a.csv']))
    """
    end = next((n for n, part in enumerate(parts) if set(part) & _OPEN), len(parts) - 1)
    return list(parts[:end]), list(parts[end:])


def fits(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether the parts of a path are those of a pattern; `**` stands for any folders, also for none.

    >>> [fits(path.split("/"), ["**", "*.csv"]) for path in ("a.csv", "x/y/a.csv", "x/a.txt")]
    [True, True, False]
    """
    if not path or not pattern:
        return not path and not pattern
    if pattern[0] == "**":
        return any(fits(path[folders:], pattern[1:]) for folders in range(len(path)))
    return fnmatchcase(path[0], pattern[0]) and fits(path[1:], pattern[1:])


def left_alone(parts: Sequence[str]) -> bool:
    """Whether a file is hidden or still being written, by its name and the folders that a pattern left open.

    Spark and Hadoop do the same.

    >>> left_alone(["day=1", "a.csv"]), left_alone(["_day", "a.csv"]), left_alone(["a.csv.tmp"])
    (False, True, True)
    """
    return parts[-1].endswith(".tmp") or any(part.startswith(("_", ".")) for part in parts)
