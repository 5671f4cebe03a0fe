"""Keys that would leave the events with the old rows of a file, and might be nowhere then.

A row that repeats the key of another one is left out for good. If the file of that other one
is loaded again without the key, the row that was left out is the only one that has it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace import storage
from headrace.lake.account_table import read_accounts
from headrace.lake.layout import DataSetFolder
from headrace.lake.plans import Plan, PlanFolder
from headrace.lake.reading import opened, read_file, read_group
from headrace.lake.reloaded import reloaded_rows
from headrace.lake.repeats import Keys, find_repeats
from headrace.lake.settlements import SETTLEMENTS
from headrace.lake.snapshot import RowGroup, Snapshot, open_snapshot
from headrace.lake.tables import is_table
from headrace.lake.written import Written
from headrace.rows.key_hash import wide_hash

_SHOWN = 5  # keys in a message


class Missed(NamedTuple):
    """Keys that stand in the old rows of files, and in no new one."""

    keys: int
    examples: list[dict[str, Any]]


def were_left_out(folder: DataSetFolder, plan: Plan) -> bool:
    """Whether a row was left out, or replaced, that could repeat one of a file which the plan loads again."""
    if not plan.reloads:
        return False
    plans, names = PlanFolder(folder.plans), set(plan.reloads)
    loads = (n for n in plans.numbers() if any(file.path in names for file in plans.read(n).files))
    first = next(loads, plan.number)
    if any(account.duplicate or account.replaced for account in read_accounts(folder) if account.plan >= first):
        return True
    settled = open_snapshot(folder.settlements).files if is_table(folder.settlements) else ()
    result = pa.schema([SETTLEMENTS.field("result")])
    return any(pc.any(pc.equal(read_file(file.path, result).column(0), "duplicate")).as_py() for file in settled)


def missed_keys(snapshot: Snapshot, plan: Plan, written: Sequence[Written], key: Sequence[str]) -> Missed:
    """The keys that only old rows of files have which the plan loads again. Some 40 bytes a row in memory, of both.

    Where the latest row of a key stays, `key` has the column that tells it too: of another
    value, one that was left out may be the latest.
    """
    columns = pa.schema([snapshot.schema.field(name) for name in key])
    new = [
        Keys(None, *wide_hash(rows, key), np.arange(rows.num_rows), old=True)
        for file in written
        for rows in _rows(storage.join(snapshot.root, file.added.name), key)
    ]
    old = {repeats.origin: repeats.places for repeats in reloaded_rows(snapshot, plan.reloads, plan.number)}
    groups = {origin: RowGroup(origin.file, origin.start, 0) for origin in old}
    leave = [
        Keys(origin, *wide_hash(read_group(group, columns).take(pa.array(old[origin])), key), old[origin])
        for origin, group in groups.items()
    ]
    stay = {repeats.origin: repeats.places for repeats in find_repeats([*new, *leave])}
    missed = {origin: np.setdiff1d(places, stay.get(origin, ())) for origin, places in old.items()}
    examples: list[dict[str, Any]] = []
    for origin, places in missed.items():
        if len(places) and len(examples) < _SHOWN:
            examples += read_group(groups[origin], columns).take(pa.array(places[: _SHOWN - len(examples)])).to_pylist()
    return Missed(sum(map(len, missed.values())), examples)


def _rows(path: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with opened(path) as file:
        yield from file.iter_batches(columns=list(columns))
