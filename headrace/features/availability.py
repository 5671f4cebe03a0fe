"""When the columns of a data set become known."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from headrace.rules import Expression, compile_expression
from headrace.rules.names import named_columns
from headrace.rules.vectors import int_scalar
from headrace.spec.columns import data_set_columns
from headrace.spec.data_set import DataSet

_YEAR_1 = -62_135_596_800_000_000  # µs since 1970
_ALWAYS = int_scalar(_YEAR_1, pa.timestamp("us", "UTC"))  # before anything that is asked for


class Declared(NamedTuple):
    """What a data set says of a column: the groups it is known with, and the columns it depends on that have none."""

    groups: frozenset[str]
    undeclared: frozenset[str]


def declared_known(data: DataSet, column: str) -> Declared:
    """The groups of `known` that decide when this column is known; none at all for `known: always`.

    A derived column that is not listed is known with the last of its inputs; a
    cleaned one is known with its own group and with every other column that
    its cleaning reads.
    """
    groups: set[str] = set()
    undeclared: set[str] = set()
    if data.known != "always":
        _gather(data, column, groups, undeclared, set())
    return Declared(frozenset(groups), frozenset(undeclared))


def _gather(data: DataSet, column: str, groups: set[str], undeclared: set[str], seen: set[str]) -> None:
    assert data.known != "always"
    if column in seen:
        return
    seen.add(column)
    own = {name for name, group in data.known.items() if column in group.columns}
    groups |= own
    inputs = named_columns(data.clean[column]) - {column} if column in data.clean else frozenset()
    if not own and column in data.derive:
        inputs |= named_columns(data.derive[column])
    elif not own:
        undeclared.add(column)
    for name in inputs:
        _gather(data, name, groups, undeclared, seen)


@dataclass(frozen=True)
class KnownTimes:
    """For each row, when all of some columns are known. Picklable."""

    at: tuple[Expression, ...]  # of the groups that decide; none: always known

    @property
    def columns(self) -> frozenset[str]:
        """The columns that are read to tell it."""
        return frozenset().union(*(at.columns for at in self.at))

    def __call__(self, rows: pa.RecordBatch) -> pa.Array:
        """The latest time of the groups: null (never) if one of them is; year 1 where all is always known."""
        if not self.at:
            return pa.repeat(_ALWAYS, rows.num_rows)
        # Arrow compares times in zones only as the whole numbers they are.
        latest = pc.max_element_wise(*(at(rows).cast(pa.int64()) for at in self.at), skip_nulls=False)
        return latest.cast(_ALWAYS.type)


def known_times(data: DataSet, columns: Iterable[str]) -> KnownTimes:
    """When these columns of a row are all known, as the data set declares it.

    A column that stands in no group, as a key may, is known with the others of
    its row. That every column a feature reads stands in one is the leak
    guard's business.

    Raises:
        ValueError: none of the columns has a known time.
    """
    columns = tuple(columns)
    groups = sorted(frozenset().union(*(declared_known(data, column).groups for column in columns)))
    if not groups and data.known != "always":
        raise ValueError(f"data set {data.dataset}: no known time for {', '.join(columns)}; list them under known")
    types = data_set_columns(data)
    return KnownTimes(tuple(compile_expression(group_time(data, group), types) for group in groups))


def group_time(data: DataSet, group: str) -> str:
    """The expression that says when a group of columns is known."""
    assert data.known != "always"
    return data.known[group].at
