"""The texts of a document under some key, each replaced by what it stands for."""

from collections.abc import Callable
from dataclasses import replace

from headrace.spec.document import Document, Value, line_of
from headrace.spec.faults import Fault


def with_texts(document: Document, under: str, change: Callable[[str], str]) -> Document:
    """The document with every text under a dotted key changed, "" for all; a `ValueError` is a fault of that text."""
    faults: list[Fault] = []

    def changed(value: Value, key: str) -> Value:
        match value:
            case dict():
                return {name: changed(inner, f"{key}.{name}" if key else name) for name, inner in value.items()}
            case list():
                return [changed(inner, f"{key}.{at}") for at, inner in enumerate(value)]
            case str() if f"{key}.".startswith(f"{under}." if under else ""):
                try:
                    return change(value)
                except ValueError as error:
                    faults.append(Fault(document.file, line_of(document.lines, key), key, str(error)))
        return value

    values = {name: changed(value, name) for name, value in document.values.items()}
    return replace(document, values=values, faults=(*document.faults, *faults))
