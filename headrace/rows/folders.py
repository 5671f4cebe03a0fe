"""Columns whose value is the name of a folder, as Hive lays tables out: `day=2024-01-01/`."""

from collections.abc import Mapping
from urllib.parse import unquote

import pyarrow as pa

from headrace.failures import DataFailure
from headrace.spec.data_set import Column, DataSet, Source

_NULL = "__HIVE_DEFAULT_PARTITION__"


def columns_in_rows(data: DataSet) -> Mapping[str, Column]:
    """The declared columns that rows themselves have: those that no folder gives."""
    return {name: column for name, column in data.contract.columns.items() if name not in data.source.folders}


def folder_cells(file: str, source: Source) -> dict[str, str | None]:
    """The text that the file's folders give to each column of `source.folders`, None for Hive's null.

    >>> folder_cells("raw/day=2024-01-01/shop=a%2Fb/x.csv", Source(format="csv", path="", folders=["shop", "day"]))
    {'shop': 'a/b', 'day': '2024-01-01'}

    Raises:
        DataFailure: the path has no such folder, or two of them.
    """
    found: dict[str, list[str]] = {name: [] for name in source.folders}
    for part in file.split("/")[:-1]:
        name, named, value = part.partition("=")
        if named and unquote(name) in found:
            found[unquote(name)].append(value)
    for name, values in found.items():
        if len(values) != 1:
            seen = f"{len(values)} folders {name}=…" if values else f"no folder {name}=…"
            raise DataFailure(
                f"{file}: its path has {seen}, and source.folders takes the column {name} from there; move the file, "
                "or mend source.folders"
            )
    return {name: _decoded(file, value) for name, (value,) in found.items()}


def _decoded(file: str, value: str) -> str | None:
    try:
        return None if value == _NULL else unquote(value, errors="strict")
    except UnicodeDecodeError as fault:
        raise DataFailure(f"{file}: the folder …={value} is no UTF-8 when its % are read; rename it") from fault


def repeated(cell: str | None, rows: int) -> pa.StringArray:
    """One cell for each row.

    >>> repeated("a", 2).to_pylist()
    ['a', 'a']
    """
    return pa.repeat(pa.scalar(cell, pa.string()), rows)
