"""Numbered, sealed replays of quarantine, and the commits that settle one exactly once.

A replay is sealed over one version of the quarantine table, one of the settlements, and one
contract: whoever runs it, however often, checks the same rows by the same rules. It is done
when both tables carry its number.
"""

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa

from headrace import storage
from headrace.failures import Conflict
from headrace.fault_points import reached
from headrace.lake.accounts import prove_tiling
from headrace.lake.commit import Token, commit_once, stored_token
from headrace.lake.data_files import DataFileWriter
from headrace.lake.layout import DataSetFolder
from headrace.lake.plans import TableBase
from headrace.lake.reading import opened
from headrace.lake.repeats import Places, Repeats, merged
from headrace.lake.settlements import SETTLEMENTS
from headrace.lake.snapshot import open_snapshot
from headrace.lake.tables import open_table
from headrace.lake.without_repeats import without_repeats
from headrace.lake.written import Written, prove_written
from headrace.rows.block import Origin
from headrace.spec.data_set import DataSet
from headrace.spec.digest import contract_digest
from headrace.spec.located import Located


@dataclass(frozen=True)
class Replay:
    """One sealed replay."""

    number: int
    data_set: str
    sealed_at: str  # ISO 8601, UTC
    config: str  # path of the data-set file
    text: str  # the data-set file as it was: what rows are checked by
    contract: str  # its digest
    quarantine: TableBase
    settlements: TableBase
    events: TableBase

    def app(self, table: str) -> str:
        """The app id under which replays are committed to one of their tables."""
        return f"{self.data_set}/replay/{getattr(self, table).table_id}"

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """From its file."""
        raw: dict[str, Any] = json.loads(content)
        for table in ("quarantine", "settlements", "events"):
            raw[table] = TableBase(*raw[table])
        return cls(**raw)


class ReplayCounts(NamedTuple):
    """What became of one row group of quarantine: read = accepted + still there; others were not looked at."""

    origin: Origin
    read: int
    accepted: int  # also those whose key turns out to be there already


class Replayed(NamedTuple):
    """What a replay did."""

    replay: int
    read: int
    accepted: int
    duplicate: int
    quarantined: int  # still


def open_replay(folder: DataSetFolder) -> Replay | None:
    """The replay that was sealed and is not yet carried by both tables; the versions it reads must stay."""
    newest = max(_numbers(folder), default=0)
    if newest and not all(_carries(folder, last := _read(folder, newest), t) for t in ("settlements", "events")):
        return last
    return None


def next_replay(folder: DataSetFolder, located: Located[DataSet]) -> Replay | None:
    """The open replay, a new one where rows or contract are new, or None where there is nothing to do.

    Raises:
        Conflict: another run has sealed one at the same moment, or the file of one is damaged.
    """
    if unfinished := open_replay(folder):
        return unfinished
    newest = max(_numbers(folder), default=0)
    last = _read(folder, newest) if newest else None
    contract = contract_digest(located.value)
    quarantine = open_snapshot(folder.quarantine)
    seen = last and (last.contract, last.quarantine) == (contract, TableBase(quarantine.table_id, quarantine.version))
    if seen or quarantine.rows <= open_snapshot(folder.settlements).rows:
        return None
    replay = Replay(
        number=newest + 1,
        data_set=located.value.dataset,
        sealed_at=dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"),
        config=located.file,
        text=located.text,
        contract=contract,
        quarantine=TableBase(quarantine.table_id, quarantine.version),
        settlements=_base(folder.settlements),
        events=_base(folder.events),
    )
    if not storage.put_if_absent(_path(folder, replay.number), json.dumps(asdict(replay), indent=1).encode()):
        raise Conflict(f"{_path(folder, replay.number)}: another run has sealed this replay; run again")
    reached("sealed")
    return replay


def settle_replay(
    replay: Replay,
    folder: DataSetFolder,
    counts: Sequence[ReplayCounts],
    written: Sequence[Written],
    repeats: Sequence[Repeats],
    seen: int | None,
) -> Replayed:
    """Commit what a replay accepted: the settlements first, then the events. Run twice it commits once.

    `seen` is the version of the events in which keys were looked for; None without a key.

    Raises:
        DataFailure: a row group of quarantine is missing, or rows were lost on the way.
        Conflict: another run has committed in between.
    """
    planned = open_snapshot(folder.quarantine, replay.quarantine.version).files
    prove_tiling([Origin(f.path, 0, f.rows) for f in planned], [c.origin for c in counts])
    name = f"replay {replay.number}"
    prove_written(name, "events", {c.origin: c.accepted for c in counts}, written)
    gone = merged(repeats)
    events = without_repeats(folder.events, written, gone)
    left = {c.origin: c.accepted - len(gone.get(c.origin, ())) for c in counts}
    prove_written(name, "events", left, events)
    read, accepted = sum(c.read for c in counts), sum(left.values())
    duplicate = sum(map(len, gone.values()))
    done = Replayed(replay.number, read, accepted, duplicate, read - accepted - duplicate)
    info = {"replay": done._asdict()}
    settlements = _settled_files(folder, replay.number, written, gone)
    for table, root, adds in (
        ("settlements", folder.settlements, settlements),
        ("events", folder.events, [w.added for w in events]),
    ):
        app = replay.app(table)
        before = stored_token(root, app)
        if before is not None and before > replay.number:
            raise Conflict(f"{root}: carries replay {before} already; another run was faster, run again")
        token = Token(app, replay.number, before)
        commit_once(root, [token], adds, info=info, seen=seen if table == "events" else None)
        reached("tables")
    return done


def _settled_files(
    folder: DataSetFolder, number: int, written: Sequence[Written], gone: Mapping[Origin, Places]
) -> list[Any]:
    with DataFileWriter(folder.settlements, SETTLEMENTS) as file:
        for part in written:
            repeated = _mask(part, gone)
            start = 0
            with opened(storage.join(folder.events, part.added.name)) as rows:
                for batch in rows.iter_batches(columns=["_plan", "_file", "_offset"]):
                    here = pa.array(repeated[start : start + batch.num_rows])
                    start += batch.num_rows
                    file.write(_settlements(batch, here, number))
        added = file.close()
    return [added] if added else []


def _settlements(rows: pa.RecordBatch, repeated: pa.Array, number: int) -> pa.RecordBatch:
    result = pa.array(np.where(repeated.to_numpy(zero_copy_only=False), "duplicate", "accepted"))
    replay = pa.repeat(pa.scalar(number, pa.int64()), rows.num_rows)
    columns = [*(rows.column(name) for name in ("_plan", "_file", "_offset")), replay, result]
    return pa.RecordBatch.from_arrays(columns, schema=SETTLEMENTS)


def _mask(file: Written, gone: Mapping[Origin, Places]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    mask = np.zeros(file.added.rows, np.bool_)
    start = 0
    for origin, rows in file.rows:
        mask[start + gone.get(origin, np.array([], np.int64))] = True
        start += rows
    return mask


def _carries(folder: DataSetFolder, replay: Replay, table: str) -> bool:
    return stored_token(getattr(folder, table), replay.app(table)) == replay.number


def _base(root: str) -> TableBase:
    table = open_table(root)
    return TableBase(str(table.metadata().id), table.version())


def _numbers(folder: DataSetFolder) -> Iterator[int]:
    return (int(n[:-5]) for n in storage.names(folder.replays) if n.endswith(".json") and n[:-5].isdigit())


def _path(folder: DataSetFolder, number: int) -> str:
    return storage.join(folder.replays, f"{number:08d}.json")


def _read(folder: DataSetFolder, number: int) -> Replay:
    content = storage.read(_path(folder, number))
    try:
        return Replay.from_json(content or b"")
    except (ValueError, TypeError, KeyError) as fault:
        raise Conflict(f"{_path(folder, number)}: the replay is damaged ({fault}); put it back from a copy") from fault
