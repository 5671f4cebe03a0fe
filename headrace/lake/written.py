"""What workers wrote, held against what they counted."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from headrace.failures import DataFailure
from headrace.lake.data_files import Added
from headrace.rows.block import Origin


class Written(NamedTuple):
    """A finished data file and how many rows of each block it holds."""

    added: Added
    rows: tuple[tuple[Origin, int], ...]


def prove_written(name: str, table: str, counted: Mapping[Origin, int], written: Sequence[Written]) -> None:
    """The rows in the files are the rows that were counted, block by block.

    Raises:
        DataFailure: it names the first block whose rows are not all there.
    """
    found: dict[Origin, int] = dict.fromkeys(counted, 0)
    for file in written:
        for origin, rows in file.rows:
            found[origin] = found.get(origin, 0) + rows
    for origin, rows in found.items():
        if counted.get(origin) != rows:
            raise DataFailure(
                f"{name}: {origin.file} {origin.start}..{origin.end}: {counted.get(origin, 0):,} rows were counted "
                f"for {table}, {rows:,} were written; nothing was committed. Run again; if it stays, report it"
            )
