"""What was read from project files, and where in them everything stands."""

from collections.abc import Mapping
from dataclasses import dataclass

from headrace.spec.data_set import DataSet
from headrace.spec.document import line_of
from headrace.spec.faults import Fault
from headrace.spec.model import Model


@dataclass(frozen=True)
class Located[T]:
    """A data set or model with its file, its text, the line of every dotted key, and the schemas it names by files."""

    value: T
    file: str
    text: str
    lines: Mapping[str, int]
    schemas: Mapping[str, str]  # JSON by the name that stands in the text; a copy of the text needs them

    def fault(self, key: str, message: str) -> Fault:
        """A fault at a key; its line is the key's, or that of the nearest key above it in the file."""
        return Fault(self.file, line_of(self.lines, key), key, message)


@dataclass(frozen=True)
class Project:
    """A folder of project files that hold together, each by the name it gives itself."""

    name: str
    folder: str
    data_sets: Mapping[str, Located[DataSet]]
    models: Mapping[str, Located[Model]]
