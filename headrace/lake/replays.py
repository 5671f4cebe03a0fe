"""Numbered, sealed replays of quarantine, and the commits that settle one exactly once.

A replay is sealed over one version of the quarantine table, one of the settlements, and one
contract: whoever runs it, however often, checks the same rows by the same rules. It is done
when both tables carry its number; as long as none does, it may be sealed anew.
"""

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace import storage
from headrace.failures import Conflict, DataFailure
from headrace.fault_points import reached
from headrace.lake.accounts import prove_tiling
from headrace.lake.before import Before
from headrace.lake.changes import added_between
from headrace.lake.commit import Token, commit_once, digest_version, newest_infos, stored_token
from headrace.lake.data_files import Added, DataFileWriter
from headrace.lake.layout import DataSetFolder
from headrace.lake.plans import PlanFolder, TableBase, plan_app
from headrace.lake.reading import read_file
from headrace.lake.repeats import Places, Repeats, merged
from headrace.lake.replaced import Replaced, without_replaced
from headrace.lake.rivals import Rivals, with_rivals
from headrace.lake.settlements import BROUGHT, SETTLEMENTS, Brought, by_file, not_in, settled
from headrace.lake.snapshot import DataFile, open_snapshot
from headrace.lake.tables import open_table
from headrace.lake.without_repeats import rows_at, without_repeats
from headrace.lake.written import Written, prove_written
from headrace.rows.block import Origin
from headrace.spec.data_set import DataSet
from headrace.spec.digest import contract_digest
from headrace.spec.located import Located

_ATTEMPTS = 20  # beside a stream that commits every few seconds
_SHOWN = 5  # repeated keys in a message


@dataclass(frozen=True)
class Replay:
    """One sealed replay."""

    number: int
    data_set: str
    sealed_at: str  # ISO 8601, UTC
    config: str  # path of the data-set file
    text: str  # the data-set file as it was: what rows are checked by
    contract: str  # its digest
    schemas: Mapping[str, str]  # of messages in Avro, as its files were
    quarantine: TableBase
    settlements: TableBase
    events: TableBase

    def to_json(self) -> bytes:
        """As it stands on disk."""
        return json.dumps(asdict(self), indent=1).encode()

    @property
    def seal(self) -> int:
        """What tells this sealing from another one under the same number, as a token's version can hold it."""
        return digest_version(self.to_json())

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


class Arrived(NamedTuple):
    """What the workers made of a replay, whatever the order."""

    counts: Sequence[ReplayCounts]
    written: Sequence[Written]
    repeats: Sequence[Repeats]


class Replayed(NamedTuple):
    """What a replay did."""

    replay: int
    read: int
    accepted: int
    duplicate: int
    quarantined: int  # still
    replaced: int  # rows that left the events, as later ones of their keys came


type _Kept = tuple[int, list[Written]]
"""How many rows of a file repeat others, and what is left of it."""


def open_replay(folder: DataSetFolder) -> Replay | None:
    """The replay that was sealed and is not yet carried by both tables; the versions it reads must stay."""
    newest = max(_numbers(folder), default=0)
    if newest and not all(_carries(folder, last := _read(folder, newest), t) for t in ("settlements", "events")):
        return last
    return None


def next_replay(folder: DataSetFolder, located: Located[DataSet]) -> Replay | None:
    """The open replay, a new one where rows or contract are new, or None where there is nothing to do.

    An open one that no table carries is sealed anew, by the contract as it is now.

    Raises:
        Conflict: another run has sealed one at the same moment, or the file of one is damaged.
    """
    unfinished = open_replay(folder)
    if unfinished and _carries(folder, unfinished, "events"):
        return unfinished
    newest = max(_numbers(folder), default=0)
    if unfinished:
        return _sealed_again(folder, unfinished, located)
    last = _read(folder, newest) if newest else None
    replay = _present(folder, located, newest + 1)
    seen = last and (last.contract, last.quarantine) == (replay.contract, replay.quarantine)
    if seen or not _any_open(folder):
        return None
    if not storage.put_if_absent(_path(folder, replay.number), replay.to_json()):
        raise Conflict(f"{_path(folder, replay.number)}: another run has sealed this replay; run again")
    reached("sealed")
    return replay


def _any_open(folder: DataSetFolder) -> bool:
    """Whether a row of quarantine is not settled; numbers alone do not tell, as settled ones may have left it since."""
    done = settled(folder.settlements)
    batches = (b for file in open_snapshot(folder.quarantine).files for b in read_file(file.path, BROUGHT).to_batches())
    return any(not_in(rows, done).any() for rows in batches)


def _sealed_again(folder: DataSetFolder, replay: Replay, located: Located[DataSet]) -> Replay:
    """A replay that no table carries, over the rows and by the contract as they are now."""
    again = replace(_present(folder, located, replay.number), sealed_at=replay.sealed_at)
    if again != replay:
        storage.put(_path(folder, again.number), again.to_json())
    return again


def _present(folder: DataSetFolder, located: Located[DataSet], number: int) -> Replay:
    # First of all: rows of quarantine that a plan has taken away since are then known to be of an older load.
    events = _base(folder.events)
    return Replay(
        number=number,
        data_set=located.value.dataset,
        sealed_at=dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"),
        config=located.file,
        text=located.text,
        contract=contract_digest(located.value),
        schemas=dict(located.schemas),
        quarantine=_base(folder.quarantine),
        settlements=_base(folder.settlements),
        events=events,
    )


def settle_replay(
    replay: Replay, folder: DataSetFolder, arrived: Arrived, data: DataSet, before: Before | None
) -> Replayed:
    """Commit what a replay accepted: the events first, then what became of the rows. Run twice it commits once.

    `before` are the rows of the events in which keys were looked for; None without a key. Rows
    that others add meanwhile are looked through as well, before the commit. A run that dies
    between the two is finished by one that reads from its commit which rows the events took.

    Raises:
        DataFailure: a row group of quarantine is missing, rows were lost on the way, or a key is repeated
            and that is refused.
        Conflict: another run has settled the replay in between, or with `latest_by` any has committed.
    """
    counts, written = arrived.counts, arrived.written
    planned = open_snapshot(folder.quarantine, replay.quarantine.version).files
    prove_tiling([Origin(f.path, 0, f.rows) for f in planned], [c.origin for c in counts])
    prove_written(f"replay {replay.number}", "events", {c.origin: c.accepted for c in counts}, written)
    if not _carries(folder, replay, "events"):
        _commit_events(replay, folder, arrived, data, before)
    gone, replaced = _left_out(folder, replay, written)
    done = _replayed(replay, counts, gone, replaced)
    settlements = _settled_files(folder, replay.number, written, gone)
    commit_once(folder.settlements, _tokens(folder, replay, "settlements"), settlements, info=_told(done))
    reached("tables")
    return done


def _commit_events(
    replay: Replay, folder: DataSetFolder, arrived: Arrived, data: DataSet, before: Before | None
) -> None:
    """Add the accepted rows that repeat no key to the events, and note which do repeat one."""
    gone = merged(found for found in arrived.repeats if not found.old)
    old = [found for found in arrived.repeats if found.old]
    replaced = without_replaced(open_snapshot(folder.events, before.version), old) if before and old else Replaced()
    # An older load of a file that is loaded again must not come back, also where there is no key.
    reloads = data.of_files and data.of_files.source.changed == "reload"
    seen = replay.events.version if reloads else before and before.version
    kept: dict[str, _Kept] = {}
    for _ in range(_ATTEMPTS):
        plans = _plans_without_reload(replay, folder) if reloads else ()
        if seen is not None:
            seen, rivals = _rivals(folder, seen, data)
            gone = with_rivals(folder.events, data, arrived.written, gone, Rivals(rivals, before)) if before else gone
        if data.on_repeat == "refuse" and gone:
            raise DataFailure(_repeated(replay, folder, arrived.written, gone, data.key))
        kept = _without(folder, arrived.written, gone, kept)
        files = [file for _, parts in kept.values() for file in parts]
        left = {c.origin: c.accepted - len(gone.get(c.origin, ())) for c in arrived.counts}
        prove_written(f"replay {replay.number}", "events", left, files)
        try:
            commit_once(
                folder.events,
                [*_tokens(folder, replay, "events"), *plans],
                [*(file.added for file in files), *replaced.adds],
                info={
                    **_told(_replayed(replay, arrived.counts, gone, replaced.rows)),
                    "repeats": _note_repeats(folder, replay, arrived.written, gone),
                },
                removes=replaced.removes,
                seen=seen,
            )
        except Conflict as rival:
            if seen is None or _carries(folder, replay, "events"):
                raise
            last = rival
        else:
            reached("tables")
            return
    raise last


def _without(
    folder: DataSetFolder, written: Sequence[Written], gone: Mapping[Origin, Places], kept: Mapping[str, _Kept]
) -> dict[str, _Kept]:
    """Each file without its repeats, written anew only where they are more than before.

    Else whoever commits while many files are written would win every time.
    """
    found: dict[str, _Kept] = {}
    for file in written:
        name, repeats = file.added.name, sum(len(gone.get(origin, ())) for origin, _ in file.rows)
        same = name in kept and kept[name][0] == repeats
        found[name] = kept[name] if same else (repeats, without_repeats(folder.events, [file], gone))
    return found


def _plans_without_reload(replay: Replay, folder: DataSetFolder) -> Sequence[Token]:
    """What holds a commit to the plan that the events carry now; none since the replay's version loads files again.

    Their log does not tell: of a file whose rows were all in quarantine, nothing leaves the events.

    Raises:
        Conflict: one does.
    """
    app = plan_app(replay.data_set, replay.events.table_id)
    then = open_table(folder.events, replay.events.version).transaction_version(app)
    now = stored_token(folder.events, app)
    for number in range((then or 0) + 1, (now or 0) + 1):
        if PlanFolder(folder.plans).read(number).reloads:
            raise Conflict(
                f"{folder.events}: plan {number} has loaded files again after version {replay.events.version}, and the "
                "replay may hold rows of an older load; run again: the replay is sealed anew"
            )
    return [Token(app, now, now)] if now else []


def _rivals(folder: DataSetFolder, seen: int, data: DataSet) -> tuple[int, tuple[DataFile, ...]]:
    """The version of the events now, and the files that others have added since one.

    Raises:
        Conflict: rows were changed, or with `latest_by` added, so that all must be looked at anew.
    """
    now = open_table(folder.events).version()
    again = "run again: the replay is sealed anew"
    try:
        rivals = added_between(folder.events, seen, now)
    except DataFailure as changed:
        raise Conflict(f"{folder.events}: another run has changed rows after version {seen}; {again}") from changed
    if rivals and data.latest_by:
        raise Conflict(f"{folder.events}: another run has added rows after version {seen}; {again}")
    return now, rivals


def _tokens(folder: DataSetFolder, replay: Replay, table: str) -> tuple[Token, Token]:
    """What the table carries afterwards: the number, and, as another run may have sealed it anew, the seal."""
    app = replay.app(table)
    seal = f"{app}/seal"
    return (
        Token(app, replay.number, replay.number - 1 or None),
        Token(seal, replay.seal, stored_token(getattr(folder, table), seal)),
    )


def _replayed(replay: Replay, counts: Sequence[ReplayCounts], gone: Mapping[Origin, Places], replaced: int) -> Replayed:
    duplicate, read = sum(map(len, gone.values())), sum(c.read for c in counts)
    accepted = sum(c.accepted for c in counts) - duplicate
    return Replayed(replay.number, read, accepted, duplicate, read - accepted - duplicate, replaced)


def _told(done: Replayed) -> dict[str, Any]:
    return {"replay": done._asdict()}


def _repeated(
    replay: Replay, folder: DataSetFolder, written: Sequence[Written], gone: Mapping[Origin, Places], key: Sequence[str]
) -> str:
    shown = "; ".join(
        f"{', '.join(f'{name} {row[name]}' for name in key)} at {row['_file']} offset {row['_offset']}"
        for _, row in rows_at(folder.events, written, gone, [*key, "_file", "_offset"], _SHOWN)
    )
    return (
        f"replay {replay.number} of {replay.data_set}: {sum(map(len, gone.values())):,} rows that pass now repeat the "
        f"key of another one, and on_repeat is refuse; nothing was committed. For example: {shown}. Say on_repeat: "
        "ignore, or let the contract refuse them, and run again: the replay is sealed anew"
    )


def _note_repeats(
    folder: DataSetFolder, replay: Replay, written: Sequence[Written], gone: Mapping[Origin, Places]
) -> str:
    """Keep which accepted rows a commit leaves out, for whoever finishes the replay; returns the file's name.

    The events do not tell for good: what they took may be replaced before. The name is that
    of the content, as each attempt has its own.
    """
    repeats = []
    for file in written:
        if any(origin in gone for origin, _ in file.rows):
            rows = _brought(folder, file).filter(pa.array(_mask(file, gone)))
            offsets = rows.column("_offset").to_numpy()
            repeats += [[*brought, offsets[at].tolist()] for brought, at in by_file(rows)]
    content = json.dumps(repeats).encode()
    name = f"{replay.number:08d}.{digest_version(content)}.repeats"
    storage.put(storage.join(folder.replays, name), content)
    return name


def _left_out(folder: DataSetFolder, replay: Replay, written: Sequence[Written]) -> tuple[dict[Origin, Places], int]:
    """The accepted rows that the replay's commit to the events left out, and how many it replaced.

    Raises:
        Conflict: what it noted is gone.
    """
    infos = (info for info in newest_infos(folder.events) if info.get("replay", {}).get("replay") == replay.number)
    told = next(infos, None)
    content = storage.read(storage.join(folder.replays, told["repeats"])) if told else None
    if told is None or content is None:
        raise Conflict(
            f"{folder.replays}: nobody knows any more which rows of replay {replay.number} the events took: "
            f"{told['repeats'] if told else 'its commit'} is gone; put it back from a copy, or reset the data set"
        )
    repeated: dict[Brought, list[NDArray[np.int64]]] = {}
    for plan, name, offsets in json.loads(content):
        repeated.setdefault((plan, name), []).append(np.array(offsets, np.int64))
    left_out = {brought: np.concatenate(parts) for brought, parts in repeated.items()}
    gone: dict[Origin, Places] = {}
    for file in written if left_out else ():
        absent, start = ~not_in(_brought(folder, file), left_out), 0
        for origin, count in file.rows:
            if len(places := np.flatnonzero(absent[start : start + count])):
                gone[origin] = places
            start += count
    return gone, int(told["replay"]["replaced"])


def _brought(folder: DataSetFolder, file: Written) -> pa.RecordBatch:
    """What brought the rows of a file."""
    (rows,) = read_file(storage.join(folder.events, file.added.name), BROUGHT).combine_chunks().to_batches()
    return rows


def _settled_files(
    folder: DataSetFolder, number: int, written: Sequence[Written], gone: Mapping[Origin, Places]
) -> list[Added]:
    with DataFileWriter(folder.settlements, SETTLEMENTS) as file:
        for part in written:
            file.write(_settlements(_brought(folder, part), pa.array(_mask(part, gone)), number))
        added = file.close()
    return [added] if added else []


def _settlements(rows: pa.RecordBatch, repeated: pa.Array, number: int) -> pa.RecordBatch:
    result = pa.array(np.where(repeated.to_numpy(zero_copy_only=False), "duplicate", "accepted"))
    replay = pa.repeat(pa.scalar(number, pa.int64()), rows.num_rows)
    return pa.RecordBatch.from_arrays([*rows.columns, replay, result], schema=SETTLEMENTS)


def _mask(file: Written, gone: Mapping[Origin, Places]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    mask = np.zeros(file.added.rows, np.bool_)
    start = 0
    for origin, rows in file.rows:
        mask[start + gone.get(origin, np.array([], np.int64))] = True
        start += rows
    return mask


def _carries(folder: DataSetFolder, replay: Replay, table: str) -> bool:
    root, app = getattr(folder, table), replay.app(table)
    carries = stored_token(root, app) == replay.number
    if carries and stored_token(root, f"{app}/seal") != replay.seal:
        raise Conflict(
            f"{root}: carries replay {replay.number} as another run had sealed it, perhaps one that outlived its "
            f"driver; put {_path(folder, replay.number)} back as that run had it, or reset the data set"
        )
    return carries


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
