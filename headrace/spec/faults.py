"""What is wrong in a project file, all of it at once."""

from collections.abc import Iterable
from dataclasses import dataclass

from headrace.failures import UsageFailure


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: where it stands, what was found, and what to do."""

    file: str
    line: int  # 1-based; 0 where the file as a whole is meant
    key: str  # dotted path, e.g. contract.columns.tailnum.regex; "" for the whole file
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return _one_line(f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}")


class SpecError(UsageFailure):
    """Project files that do not hold together; `faults` has every one found."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults), key=lambda f: (f.file, f.line, f.key, f.message)))
        super().__init__("\n".join(map(str, self.faults)))

    def __reduce__(self) -> tuple[type["SpecError"], tuple[tuple[Fault, ...]]]:
        return SpecError, (self.faults,)


def _one_line(text: str) -> str:
    r"""What a file says cannot break a line of the log, or move the terminal's cursor.

    >>> _one_line("a.yaml:1: x\ny: no such key")
    'a.yaml:1: x\\ny: no such key'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)
