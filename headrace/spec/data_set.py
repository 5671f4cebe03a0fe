"""A data set: source, cleaning, contract, key, time and when each value becomes known.

Every value arrives as text; the type of the field it is read into decides what it
means. Limits of a column (`min`, `max`, `in`) stay text here and are parsed by the
column's own type (`headrace.spec.limits`).
"""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    WithJsonSchema,
)

from headrace.nearest import nearest
from headrace.rules.column_type import COLUMN_TYPES, Type
from headrace.spec.values import (
    ColumnName,
    Columns,
    Duration,
    Flag,
    Instant,
    Name,
    Number,
    Section,
    Size,
    Texts,
    Whole,
    distinct,
    duration_text,
    shape,
    shown,
    word,
)

_ELSEWHERE = {  # what other systems call our types
    **dict.fromkeys(("integer", "int64", "int32", "bigint", "long"), "int"),
    **dict.fromkeys(("float", "float64", "float32", "real", "number"), "double"),
    **dict.fromkeys(("str", "text", "varchar", "char"), "string"),
    **dict.fromkeys(("datetime", "timestamptz"), "timestamp"),
    "numeric": "decimal(p,s)",
    "boolean": "bool",
}


def _type(value: object) -> Type:
    if isinstance(value, Type):
        return value
    text = str(value) if isinstance(value, str) else shown(value)
    if text in COLUMN_TYPES or text.startswith("decimal("):
        return Type.parse(text)
    here = _ELSEWHERE.get(text.lower())
    raise ValueError(f"unknown type {shown(value)}; {f'did you mean {here}?' if here else nearest(text, COLUMN_TYPES)}")


ColumnType = Annotated[
    Type,
    BeforeValidator(_type),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "examples": list(COLUMN_TYPES)}),
]


class Line(Section):
    """Limits of one raw line."""

    max_bytes: Annotated[Size, Field(ge=16, le=64_000_000)] = 1_000_000
    """A longer line is quarantined with its first 64 kB, its length and its digest."""


def _mark(value: object) -> object:
    if isinstance(value, str) and (len(value) > 1 or value in ("\0", "\r", "\n") or not value.isascii()):
        raise ValueError(f"{shown(value)} cannot stand here; write one ASCII character, no line end")
    return value


Mark = Annotated[str, BeforeValidator(_mark)]


class Unpacked(Section):
    """How much may come out of one compressed file: more is refused, whatever it holds."""

    max_bytes: Annotated[Size, Field(ge=1)] = 10_000_000_000
    """The most bytes."""
    max_ratio: Annotated[Number, Field(ge=1)] = 100.0
    """The most bytes for each one of the file; the first 10 MB are free."""


Offset = Annotated[Whole, Field(ge=0, lt=1 << 63)]


def _by(value: object) -> str:
    return "one" if isinstance(value, str) else "ids" if isinstance(value, dict) else "several"


Schemas = Annotated[
    Annotated[str, Tag("one")]
    | Annotated[dict[Annotated[Whole, Field(ge=0, lt=1 << 32)], str], Field(min_length=1), Tag("ids")]
    | Annotated[tuple[str, ...], Field(min_length=1), Tag("several")],
    Discriminator(_by),
]
"""Writers' schemas, as a file names them; of a data set that was loaded, their JSON."""


First = Annotated[
    Annotated[Instant, Tag("word")] | Annotated[dict[Offset, Offset], Field(min_length=1), Tag("parts")],
    Discriminator(shape),
]
"""Where a topic begins that files have handed over to."""


class Source(Section):
    """Where raw rows come from and how they are written."""

    format: Literal["csv", "jsonl", "parquet", "avro"]
    """How rows are written: csv, jsonl (one JSON object per line), parquet or avro."""
    path: str = ""
    """The files: a path or glob, relative to the working directory; ${NAME} and ${NAME:-default} are replaced."""
    topic: str = ""
    """In place of files: the Kafka topic whose messages are the rows; the place names its brokers."""
    schema_: Schemas | None = Field(None, alias="schema")
    """avro messages: the file of their schema; or `id: file` by the registry's id; or a list, told by fingerprint."""
    from_: First | None = Field(None, alias="from")
    """sources.live: the first offset of each partition that the files do not hold, or a time as the broker has it."""
    delimiter: Annotated[Mark, Field(min_length=1, max_length=1)] = ","
    """csv: the character between cells; "\\t" for a tab."""
    quote: Annotated[Mark, Field(max_length=1)] = '"'
    """csv: the character around cells; empty: quotes are ordinary characters."""
    decimal: Literal[".", ","] = "."
    """csv: the decimal mark of numbers."""
    multiline: Flag = False
    """csv: whether a quoted cell may hold line ends; such files are read through once more to be cut."""
    header: Annotated[
        Annotated[
            Literal["present"],
            word("present", otherwise="the list of names where there is no header line"),
            Tag("word"),
        ]
        | Annotated[tuple[ColumnName, ...], AfterValidator(distinct), Tag("parts")],
        Discriminator(shape),
    ] = "present"
    """csv: `present`, or the list of column names where the files have no header line."""
    rename: dict[ColumnName, ColumnName] = Field({})
    """csv, parquet, avro: name in the file → name of the column."""
    ignore: Columns = ()
    """csv, parquet, avro: names in the file that are read past and not kept."""
    folders: Columns = ()
    """Columns that are folders of the path, `day=2024-01-01/`: their text is what stands behind the equals sign."""
    nulls: Texts = ("",)
    """Spellings of null, quoted or not."""
    trim: Flag = False
    """Whether white space around cells is stripped before anything else."""
    line: Line = Line()
    """Limits of one raw line."""
    compression: Literal["by_name", "none", "gzip", "zstd"] = "by_name"
    """How files are compressed; `by_name`: gzip if they end in .gz, zstd in .zst, else not."""
    unpacked: Unpacked = Unpacked()
    """How much may come out of one compressed file."""
    changed: Literal["refuse", "reload"] = "refuse"
    """What is done about an ingested file that has changed: `refuse` stops; `reload` puts its new rows in place of its
    old ones."""


class Sources(Section):
    """Where raw rows come from, where files hand over to a topic."""

    backfill: Source
    """The files, which hold what came first."""
    live: Source
    """The topic, which is read from `from` on once the files are in."""


class Column(Section):
    """One column of the contract: its type, how its text is read, and its limits."""

    type: ColumnType
    """int, double, decimal(p,s), bool, string, date or timestamp."""
    required: Flag = False
    """Whether null is a fault."""
    min: str | None = None
    """The smallest value that is allowed."""
    max: str | None = None
    """The largest value that is allowed."""
    in_: Annotated[Texts, Field(min_length=1)] | None = Field(None, alias="in")
    """The values that are allowed."""
    regex: str | None = None
    """string: an RE2 pattern that must match somewhere; anchor it with ^ and $."""
    format: str | None = None
    """date, timestamp: how the text is written, in the letters of strptime."""
    zone: str | None = None
    """timestamp: the IANA name of the zone whose clocks show it; without a zone, it must have its offset."""
    epoch: Literal["s", "ms", "us", "ns"] | None = None
    """timestamp as a number since 1970-01-01 UTC: its unit."""
    path: str | None = None
    """jsonl: the dotted path of a nested value; without it, the column's name."""


class StopIf(Section):
    """When a run refuses to commit anything."""

    quarantined_share: Annotated[Number, Field(ge=0, le=1)] | None = None
    """The largest share of quarantined rows that is still committed."""
    refused_files: Annotated[Whole, Field(ge=0)] | None = None
    """How many files that cannot be read whole are still committed without; none beside a share, else any."""

    @property
    def most_refused(self) -> int | None:
        """How many files may be refused: of a share nobody knows what a file would have made; None for any."""
        return 0 if self.refused_files is None and self.quarantined_share is not None else self.refused_files


class Contract(Section):
    """What a row must keep, else it is quarantined with every reason."""

    columns: Annotated[dict[ColumnName, Column], Field(min_length=1)]
    """The columns, in the order the table has them."""
    rules: dict[Name, str] = Field({})
    """Boolean expressions by name: false quarantines, null passes."""
    stop_if: StopIf = StopIf()
    """When a run refuses to commit anything."""


class Known(Section):
    """When the named columns become known."""

    at: str
    """A timestamp expression over the row; null means never."""
    columns: Annotated[Columns, Field(min_length=1)]
    """The columns that become known then."""


class Dedupe(Section):
    """How far repeats of a key are looked for."""

    within: Duration | None = None
    """In the rows of the table that are at most so much older than its newest; without it in all of them, for messages
    of a topic in those of one hour."""
    max_bytes: Annotated[Size, Field(ge=1_000_000)] = 1_000_000_000
    """topic: the most memory that the keys of these rows may take, 24 bytes each; more is refused."""


def _an_hour_at_least(kept: timedelta) -> timedelta:
    if kept < timedelta(hours=1):
        raise ValueError(f"{duration_text(kept)} is too short for anybody to look; write 1h or more")
    return kept


class Retention(Section):
    """How long what is not needed for counting is kept."""

    quarantine: Annotated[Duration, AfterValidator(_an_hour_at_least)] | None = None
    """How long the raw bytes of rows in quarantine are kept; the rows stay, counted and with their reasons."""


class TableSection(Section):
    """How the tables are kept; never what is in them."""

    cluster_by: ColumnName | None = None
    """The column by which upkeep sorts rows when it puts small files together; without it, `time`."""
    retention: Retention = Retention()
    """How long what is not needed for counting is kept."""


class LatestBy(Section):
    """Of the rows of a key the latest stays."""

    latest_by: ColumnName
    """The column that tells which is later: int, double, date or timestamp; null is before everything."""


class DataSet(Section):
    """One data-set file."""

    dataset: Name
    """The name; its tables stand under `<lake>/<project>/<name>`."""
    one: Source | None = Field(None, alias="source")
    """Where raw rows come from and how they are written; or `sources`."""
    sources: Sources | None = None
    """In place of `source`: files, and the topic that they hand over to."""
    clean: dict[ColumnName, str] = Field({})
    """Column → expression of its type that repairs it, before the checks."""
    derive: dict[Name, str] = Field({})
    """New column → expression; later ones may use earlier ones, and all are checked too."""
    key: Columns = ()
    """What makes a row this row and no other; without it duplicates are not looked for."""
    on_repeat: Annotated[
        Annotated[Literal["ignore", "refuse"], word("ignore", "refuse", otherwise="latest_by: <column>"), Tag("word")]
        | Annotated[LatestBy, Tag("parts")],
        Discriminator(shape),
    ] = "ignore"
    """What is done with a row whose key a row before it has: `ignore` leaves it out and counts it, `refuse` stops,
    `{latest_by: <column>}` keeps the one with the greatest value, and takes the other out of the table."""
    dedupe: Dedupe = Dedupe()
    """How far repeats are looked for."""
    time: ColumnName | None = None
    """Event time: a timestamp column, declared or derived."""
    contract: Contract
    """What a row must keep, else it is quarantined."""
    known: Annotated[
        Annotated[Literal["always"], word("always", otherwise="groups with `at` and `columns`"), Tag("word")]
        | Annotated[dict[Name, Known], Tag("parts")],
        Discriminator(shape),
    ] = Field({})
    """When values become known: `always`, or groups of columns with a timestamp expression."""
    lateness: Duration = timedelta(0)
    """How much older than the newest row a row may still come in."""
    table: TableSection = TableSection()
    """How the tables are kept."""

    @property
    def each_source(self) -> dict[str, Source]:
        """Where rows come from, by the key in the file."""
        both = {"sources.backfill": self.sources.backfill, "sources.live": self.sources.live} if self.sources else {}
        return {"source": self.one, **both} if self.one else both

    @property
    def source(self) -> Source:
        """The only one; of a data set with several, `of_files` and `of_topic` have one each."""
        (source,) = self.each_source.values()
        return source

    @property
    def of_files(self) -> Self | None:
        """The same data set with only its files; None where it has none."""
        return self._with_only("path")

    @property
    def of_topic(self) -> Self | None:
        """The same data set with only its topic; None where it has none."""
        return self._with_only("topic")

    def _with_only(self, what: str) -> Self | None:
        found = [source for source in self.each_source.values() if getattr(source, what)]
        return self.model_copy(update={"one": found[0], "sources": None}) if found else None

    @property
    def clustered_by(self) -> str | None:
        """The column by which rows are sorted when files are put together; None: they stay in the order they came."""
        return self.table.cluster_by or self.time

    @property
    def latest_by(self) -> str | None:
        """The column by which the latest row of a key stays; None where the first does."""
        return self.on_repeat.latest_by if isinstance(self.on_repeat, LatestBy) else None
