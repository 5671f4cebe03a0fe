"""Prove that a plan's rows are all there, then commit them; else commit nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, Self

from headrace import storage
from headrace.failures import DataFailure
from headrace.fault_points import reached
from headrace.lake.accounts import NOT_LOOKED_FOR, Account, prove_tiling
from headrace.lake.before import Before
from headrace.lake.commit import Token, commit_once, newest_infos, stored_token
from headrace.lake.missed_keys import missed_keys
from headrace.lake.plans import Plan
from headrace.lake.reading import opened
from headrace.lake.reloaded import reloaded_rows
from headrace.lake.repeats import Places, Repeats, merged
from headrace.lake.replaced import Replaced, without_replaced
from headrace.lake.snapshot import open_snapshot
from headrace.lake.tables import open_table
from headrace.lake.without_repeats import rows_at, without_repeats
from headrace.lake.written import Written, prove_written
from headrace.rows.block import Counts, Origin
from headrace.spec.data_set import DataSet
from headrace.spec.values import duration_text

SAMPLE_ROWS = 20
_SHOWN = 5  # repeated keys in a message


@dataclass(frozen=True)
class KeyTerms:
    """How rows that repeat a key are looked for, and what is done about them."""

    key: tuple[str, ...]
    refuse: bool  # a repeat stops the run; else it is left out and counted
    latest_by: str | None  # the column by which the latest row of a key stays; None: the first one does
    within: timedelta | None  # how far the table's own rows are looked through, before its newest; None: all of them
    seen: int  # version of the events table whose rows came before the plan's
    left_out: bool = False  # whether rows may have been left out as they repeat one of a file that is loaded again

    @property
    def told(self) -> str:
        """As an account says it."""
        kept = f", latest by {self.latest_by}" if self.latest_by else ""
        return f"looked for by key{kept}" + (
            f", within {duration_text(self.within)}" if self.within is not None else ""
        )


@dataclass(frozen=True)
class Terms:
    """What a data set asks of a commit."""

    quarantined_share: float | None = None  # the largest that is committed
    refused_files: int | None = None  # the most that are
    key: KeyTerms | None = None  # None: rows that repeat others are not looked for

    @classmethod
    def of(cls, data: DataSet, before: Before | None) -> Self:
        """The terms of a data set, and of what came before; None where it has no key."""
        stop_if = data.contract.stop_if
        limits = stop_if.quarantined_share, stop_if.most_refused
        if before is None:
            return cls(*limits)
        refuse, within = data.on_repeat == "refuse", data.dedupe.within
        return cls(*limits, KeyTerms(data.key, refuse, data.latest_by, within, before.version, before.left_out))


class Arrived(NamedTuple):
    """What the workers made of a plan, whatever the order."""

    counts: Sequence[Counts]
    written: Mapping[str, Sequence[Written]]  # by table
    repeats: Sequence[Repeats] = ()


def settle(plan: Plan, roots: Mapping[str, str], arrived: Arrived, terms: Terms) -> Account:
    """Commit a plan's files to `quarantine`, then `events`, unless something does not add up.

    `roots` are by table name. Run twice it commits once.

    Raises:
        DataFailure: the blocks do not tile the files, the account does not close, the share
            of quarantined rows or the number of refused files is too large, a key is repeated and that is
            refused, or one would leave that a row may have been left out for.
        Conflict: another run has committed in between, or rows were added meanwhile in
            which no key was looked for.
    """
    counts, written = arrived.counts, arrived.written
    planned = [
        Origin(file.path, *span) for file in plan.files for span in (*file.ranges, *(r[:2] for r in file.refused))
    ]
    prove_tiling(planned, [block.origin for block in counts])
    name = f"plan {plan.number}"
    prove_written(name, "quarantine", {c.origin: c.quarantined for c in counts}, written["quarantine"])
    prove_written(name, "events", {c.origin: c.accepted for c in counts}, written["events"])
    repeats = merged(found for found in arrived.repeats if not found.old)
    begun = stored_token(roots["quarantine"], plan.app("quarantine")) == plan.number  # then it must be finished
    # A replay may bring rows of an older load of a file; those that come after this version are not seen.
    seen = terms.key.seen if terms.key else open_table(roots["events"]).version() if plan.reloads else None
    replaced = _replaced(plan, roots, seen, [found for found in arrived.repeats if found.old])
    told = terms.key.told if terms.key else NOT_LOOKED_FOR
    account = Account.of(plan, counts, repeats, told, sum(_left(plan, roots, replaced).values()))
    account.prove_closed()
    _hold_files(plan, terms.refused_files)
    _hold_contract(plan, roots, account, written["quarantine"], terms.quarantined_share)
    if terms.key and terms.key.refuse and repeats and not begun:
        raise DataFailure(_repeated(plan, roots["events"], written["events"], repeats, terms.key))
    if terms.key and terms.key.left_out and not begun:
        _hold_keys(plan, roots["events"], written["events"], terms.key)
    events = without_repeats(roots["events"], written["events"], repeats)
    left = {c.origin: c.accepted - len(repeats.get(c.origin, ())) for c in counts}
    prove_written(name, "events", left, events)
    adds = {
        "quarantine": [*(w.added for w in written["quarantine"]), *replaced["quarantine"].adds],
        "events": [*(w.added for w in events), *replaced["events"].adds],
    }
    for table in ("quarantine", "events"):
        seal = f"{plan.app(table)}/seal"
        tokens = (
            Token(plan.app(table), plan.number, plan.number - 1 or None),
            # The number alone would take another sealing of it, by a run that outlived its driver, for this one.
            Token(seal, plan.seal, stored_token(roots[table], seal)),
        )
        commit_once(
            roots[table],
            tokens,
            adds[table],
            info={"account": account.as_info(), "left": replaced[table].rows},
            removes=replaced[table].removes,
            seen=seen if table == "events" else None,
        )
        reached("tables")
    return account


def _left(plan: Plan, roots: Mapping[str, str], replaced: Mapping[str, Replaced]) -> dict[str, int]:
    """How many rows leave each table; of one that carries the plan already, how many have left it."""
    return {table: _left_already(plan, table, root, replaced[table].rows) for table, root in roots.items()}


def _left_already(plan: Plan, table: str, root: str, rows: int) -> int:
    if stored_token(root, plan.app(table)) != plan.number:
        return rows
    infos = newest_infos(root)
    return next((int(i["left"]) for i in infos if i.get("account", {}).get("plan") == plan.number), rows)


def _replaced(
    plan: Plan, roots: Mapping[str, str], seen: int | None, repeats: Sequence[Repeats]
) -> dict[str, Replaced]:
    """What leaves the tables, as rows of the plan are later, or of a file that is loaded again."""
    found: dict[str, Replaced] = {}
    for table, root in roots.items():
        snapshot = open_snapshot(root, seen if table == "events" else None)
        gone = [*(repeats if table == "events" else ()), *reloaded_rows(snapshot, plan.reloads, plan.number)]
        found[table] = without_replaced(snapshot, gone) if gone else Replaced()
    return found


def _repeated(
    plan: Plan, root: str, written: Sequence[Written], repeats: Mapping[Origin, Places], terms: KeyTerms
) -> str:
    number = sum(map(len, repeats.values()))
    shown = "; ".join(
        f"{', '.join(f'{name} {value}' for name, value in row.items())} in {origin.file}"
        for origin, row in rows_at(root, written, repeats, terms.key, _SHOWN)
    )
    return (
        f"plan {plan.number} of {plan.data_set}: {number:,} rows repeat the key of a row before them, and on_repeat is "
        f"refuse; nothing was committed. For example: {shown}. Mend the source, or say on_repeat: ignore, and run again"
    )


def _hold_keys(plan: Plan, root: str, written: Sequence[Written], terms: KeyTerms) -> None:
    columns = [*terms.key, *([terms.latest_by] if terms.latest_by else [])]
    missed = missed_keys(open_snapshot(root, terms.seen), plan, written, columns)
    if not missed.keys:
        return
    shown = "; ".join(", ".join(f"{name} {value}" for name, value in row.items()) for row in missed.examples)
    raise DataFailure(
        f"plan {plan.number} of {plan.data_set}: {missed.keys:,} keys of files that are loaded again are not in their "
        "new rows, and rows of other files were left out since these were loaded, as they repeated a key: a key that "
        f"leaves now might be nowhere; nothing was committed. For example: {shown}. Deliver the file with them, or "
        f"put it back as it was; or load everything anew after: headrace reset {plan.config}"
    )


def _hold_files(plan: Plan, limit: int | None) -> None:
    refused = [file for file in plan.files if file.refused]
    if limit is None or len(refused) <= limit:
        return
    shown = "; ".join(file.refused[0].why for file in refused[:_SHOWN])  # in one line: of more, engines tell the first
    more = f"; … and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
    raise DataFailure(
        f"plan {plan.number} of {plan.data_set}: {len(refused):,} of {len(plan.files):,} files cannot be read whole, "
        f"contract.stop_if allows {limit:,}; nothing was committed: {shown}{more}. Deliver them again and run again, "
        f"or go on without them: contract.stop_if: {{refused_files: {len(refused)}}}"
    )


def _hold_contract(
    plan: Plan, roots: Mapping[str, str], account: Account, bad: Sequence[Written], limit: float | None
) -> None:
    if limit is None or not account.read or account.quarantined / account.read <= limit:
        return
    sample = f"{roots['quarantine']}.stopped.json"  # beside the table: it is no part of it
    storage.put(sample, json.dumps(_sample(roots["quarantine"], bad), indent=1, default=repr).encode())
    reasons = ", ".join(f"{name} {n:,}" for name, n in sorted(account.reasons.items(), key=lambda kv: -kv[1])[:5])
    raise DataFailure(
        f"plan {plan.number} of {plan.data_set}: {account.quarantined:,} of {account.read:,} rows "
        f"({100 * account.quarantined / account.read:.3g} %) broke the contract, contract.stop_if allows "
        f"{100 * limit:.3g} %; nothing was committed. Reasons: {reasons}. A sample of the rows is in {sample}. "
        "Mend the source or the contract and run again: the plan is sealed anew"
    )


def _sample(root: str, bad: Sequence[Written]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for file in bad:
        with opened(storage.join(root, file.added.name)) as written:
            rows += next(written.iter_batches(batch_size=SAMPLE_ROWS)).to_pylist()
        if len(rows) >= SAMPLE_ROWS:
            break
    return rows[:SAMPLE_ROWS]
