"""What is wrong in a project file, all of it at once."""

from collections.abc import Iterable
from dataclasses import dataclass

from headrace.failures import UsageFailure
from headrace.printable import printable


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: where it stands, what was found, and what to do."""

    file: str
    line: int  # 1-based; 0 where the file as a whole is meant
    key: str  # dotted path, e.g. contract.columns.tailnum.regex; "" for the whole file
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return printable(f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}")


class SpecError(UsageFailure):
    """Project files that do not hold together; `faults` has every one found."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults), key=lambda f: (f.file, f.line, f.key, f.message)))
        super().__init__("\n".join(map(str, self.faults)))

    def __reduce__(self) -> tuple[type["SpecError"], tuple[tuple[Fault, ...]]]:
        return SpecError, (self.faults,)
