"""A data set: source, cleaning, contract, key, time and when each value becomes known.

Every value arrives as text; the type of the field it is read into decides what it
means. Limits of a column (`min`, `max`, `in`) stay text here and are parsed by the
column's own type where the contract is compiled.
"""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from headrace.rules.types import Type
from headrace.spec.values import ColumnName, Columns, Duration, Name, Section, Size


def _type(value: object) -> Type:
    return value if isinstance(value, Type) else Type.parse(str(value))


ColumnType = Annotated[Type, BeforeValidator(_type)]


class Line(Section):
    """Limits of one raw line."""

    max_bytes: Size = Field(1_000_000, ge=16, le=64_000_000)


class Source(Section):
    """Where raw rows come from and how they are written."""

    format: Literal["csv", "jsonl"]
    path: str  # a glob; relative to the working directory
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Field(max_length=1)] = '"'  # empty: quotes are ordinary characters
    decimal: Literal[".", ","] = "."
    header: Literal["present"] | tuple[ColumnName, ...] = "present"  # names, where the file has no header line
    rename: dict[ColumnName, ColumnName] = {}  # header name → column name
    ignore: Columns = ()  # header names that are read past and not kept
    nulls: tuple[str, ...] = ("",)  # spellings of null, quoted or not
    trim: bool = False  # strip white space around cells before anything else
    line: Line = Line()


class Column(Section):
    """One column of the contract: its type, how its text is read, and its limits."""

    type: ColumnType
    required: bool = False
    min: str | None = None
    max: str | None = None
    in_: tuple[str, ...] | None = Field(None, alias="in")
    regex: str | None = None  # RE2, must match somewhere; anchor with ^ and $
    format: str | None = None  # date, timestamp: strptime
    zone: str | None = None  # timestamp without an offset: IANA name of the zone it is in
    epoch: Literal["s", "ms", "us", "ns"] | None = None  # timestamp as a number since 1970-01-01Z
    path: str | None = None  # jsonl: dotted path of a nested value; default the column's name


class StopIf(Section):
    """When a run refuses to commit anything."""

    quarantined_share: Annotated[float, Field(ge=0, le=1)] | None = None


class Contract(Section):
    """What a row must keep, else it is quarantined with every reason."""

    columns: Annotated[dict[ColumnName, Column], Field(min_length=1)]
    rules: dict[Name, str] = {}  # boolean expressions: false quarantines, null passes
    stop_if: StopIf = StopIf()


class Known(Section):
    """When the named columns become known: a timestamp expression over the row."""

    at: str
    columns: Columns


class DataSet(Section):
    """One data-set file."""

    dataset: Name
    source: Source
    clean: dict[ColumnName, str] = {}  # column → expression of the same type, before the checks
    derive: dict[Name, str] = {}  # new columns, checked too
    key: Columns = ()  # empty: duplicates are not looked for
    time: ColumnName | None = None  # event time: a timestamp column, declared or derived
    contract: Contract
    known: Literal["always"] | dict[Name, Known] = {}
    lateness: Duration = timedelta(0)
