"""The numbered, sealed lists of files that batch runs work through, in order.

A plan is sealed by writing it where no file stood; from then on its number means
these files under this contract. Only a plan that no table carries yet may be sealed
again. The truth about what is done stands in the tables' tokens, never here.
"""

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, NamedTuple, Self

from headrace import storage
from headrace.failures import Conflict, DataFailure
from headrace.fault_points import reached
from headrace.lake.commit import digest_version
from headrace.rows.block import OPEN_END, Refused
from headrace.storage import FileStatus


class PlannedFile(NamedTuple):
    """One file and the ranges that are read side by side; they tile its data."""

    path: str  # as it was found: the name that tables keep
    real: str  # the one name of the file on every machine that sees it: absolute, without links
    size: int  # bytes
    stamp: int | str  # as in `FileStatus`
    header: tuple[str, ...]  # column names in the file's order; empty where lines name their own values
    ranges: tuple[tuple[int, int], ...]  # [start, end) of bytes, or of Parquet's rows; compressed: to `OPEN_END`
    refused: tuple[Refused, ...] = ()  # ranges that cannot be read, apart from those that can

    @property
    def status(self) -> FileStatus:
        """What the file looked like when it was planned."""
        return FileStatus(self.size, self.stamp)

    @property
    def unread(self) -> bool:
        """Whether nothing of it could be read: no table has a row of it, but the one that says so."""
        return any(each.end == OPEN_END and not each.start for each in self.refused)


class TableBase(NamedTuple):
    """A table the plan writes, and its version when the plan was sealed."""

    table_id: str
    version: int


@dataclass(frozen=True)
class Plan:
    """One sealed list of files."""

    number: int
    data_set: str
    sealed_at: str  # ISO 8601, UTC
    config: str  # path of the data-set file
    text: str  # the data-set file as it was: what the run reads by
    contract: str  # digest of what decides how rows are read and checked
    files: tuple[PlannedFile, ...]
    tables: Mapping[str, TableBase]
    reloads: tuple[str, ...] = ()  # files whose rows of earlier plans leave the tables, by the names these keep

    def to_json(self) -> bytes:
        """As it stands on disk: files of one kind share one header."""
        headers: dict[tuple[str, ...], int] = {}
        files = [[*f[:4], headers.setdefault(f.header, len(headers)), f.ranges, f.refused] for f in self.files]
        raw = {field.name: getattr(self, field.name) for field in fields(self)}
        return json.dumps({**raw, "headers": list(headers), "files": files}).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """The inverse of `to_json`."""
        raw: dict[str, Any] = json.loads(content)
        headers = [tuple(header) for header in raw.pop("headers")]
        raw["files"] = tuple(
            PlannedFile(
                path,
                real,
                size,
                stamp,
                headers[header],
                tuple((start, end) for start, end in ranges),
                tuple(Refused(*each) for each in refused),
            )
            for path, real, size, stamp, header, ranges, refused in raw["files"]
        )
        raw["reloads"] = tuple(raw["reloads"])
        raw["tables"] = {name: TableBase(*base) for name, base in raw["tables"].items()}
        return cls(**raw)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(f.size for f in self.files)

    def raw_bytes(self, written: str) -> int:
        """What its rows take as text, about: packed files, and formats that pack, hold ten times their size."""
        packs = written in ("parquet", "avro")
        return sum(f.size * (10 if packs or any(end == OPEN_END for _, end in f.ranges) else 1) for f in self.files)

    @cached_property
    def seal(self) -> int:
        """What tells this sealing from another one under the same number, as a token's version can hold it."""
        return digest_version(self.to_json())

    def app(self, table: str) -> str:
        """The app id under which this data set's plans are committed to one of its tables."""
        return plan_app(self.data_set, self.tables[table].table_id)


def plan_app(data_set: str, table_id: str) -> str:
    """The app id of a data set's plans in a table; the token's version is the plan's number."""
    return f"{data_set}/ingest_batch/{table_id}"


class SealedPlan(NamedTuple):
    """Names one sealing of one plan, to be read where it is worked on: a plan of many files is large."""

    folder: str
    number: int
    seal: int

    def read(self) -> Plan:
        """The plan.

        Raises:
            Conflict: it has been sealed anew since.
        """
        plan = PlanFolder(self.folder).read(self.number)
        if plan.seal != self.seal:
            raise Conflict(
                f"{self.folder}: plan {self.number} has been sealed anew since this run took it up, by another run; "
                "nothing was committed, run again"
            )
        return plan


@dataclass(frozen=True)
class PlanFolder:
    """All plans of one data set."""

    folder: str
    _settled: dict[int, dict[str, PlannedFile]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def numbers(self) -> list[int]:
        """The numbers sealed so far, ascending."""
        return [int(n[:-5]) for n in storage.names(self.folder) if n.endswith(".json") and n[:-5].isdigit()]

    def read(self, number: int) -> Plan:
        """One plan.

        Raises:
            Conflict: there is no such plan, or the file is damaged.
        """
        content = storage.read(self._path(number))
        if content is None:
            raise Conflict(f"{self._path(number)}: there is no plan {number}; sealed are {self.numbers() or 'none'}")
        try:
            return Plan.from_json(content)
        except (ValueError, TypeError, KeyError) as fault:
            raise Conflict(
                f"{self._path(number)}: the plan is damaged ({fault}), so nobody knows which files it holds; put the "
                "file back from a copy, or move the whole folder of the data set away and ingest again"
            ) from fault

    def seal(self, plan: Plan) -> None:
        """Make a plan the one of its number, for good.

        Raises:
            Conflict: somebody else has sealed that number.
        """
        if not storage.put_if_absent(self._path(plan.number), plan.to_json()):
            raise Conflict(f"{self._path(plan.number)}: another run has sealed plan {plan.number}; run again")
        reached("sealed")

    def reseal(self, plan: Plan) -> None:
        """Replace a plan that no table carries yet; the caller has made sure of that and holds the lock."""
        storage.put(self._path(plan.number), plan.to_json())

    def abandon(self, plan: Plan) -> None:
        """Free the plan's files: it keeps its number and commits nothing."""
        self.reseal(replace(plan, files=(), reloads=()))

    def planned(self, before: int | None = None) -> dict[str, PlannedFile]:
        """Every file that some plan holds, or one before that number, by its resolved name, as it was planned last."""
        found: dict[str, PlannedFile] = {}
        numbers = [number for number in self.numbers() if before is None or number < before]
        for number in numbers:
            files = self._settled.get(number)
            if files is None:
                files = {file.real: file._replace(ranges=()) for file in self.read(number).files}
            if number < numbers[-1]:  # only the newest can be sealed again
                self._settled[number] = files
            found |= files
        return found

    def names_of(self, files: Container[str]) -> tuple[str, ...]:
        """The names under which tables keep the rows of files with these resolved names.

        Raises:
            DataFailure: another file has such a name too, so their rows cannot be told apart.
        """
        every = {(file.path, file.real) for number in self.numbers() for file in self.read(number).files}
        names = {path for path, real in every if real in files}
        if other := [real for path, real in every if path in names and real not in files]:
            raise DataFailure(
                f"{other[0]}: was ingested under the name of a file that has changed, from another working directory, "
                "so that the rows of the two cannot be told apart; deliver corrections as a new file"
            )
        return tuple(sorted(names))

    def _path(self, number: int) -> str:
        return storage.join(self.folder, f"{number:08d}.json")
