"""Prove that a plan's rows are all there, then commit them; else commit nothing."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from headrace.failures import DataFailure
from headrace.lake import storage
from headrace.lake.accounts import Account, prove_tiling
from headrace.lake.commit import Token, commit_once, stored_token
from headrace.lake.data_files import Added
from headrace.lake.plans import Plan
from headrace.lake.reading import opened
from headrace.rows.block import Counts, Origin

SAMPLE_ROWS = 20


class Written(NamedTuple):
    """A finished data file and how many rows of each block it holds."""

    added: Added
    rows: tuple[tuple[Origin, int], ...]


def settle(
    plan: Plan,
    roots: Mapping[str, str],
    counts: Sequence[Counts],
    written: Mapping[str, Sequence[Written]],
    quarantined_share: float | None,
) -> Account:
    """Commit a plan's files to `quarantine`, then `events`, unless something does not add up.

    `roots` and `written` are by table name. Run twice it commits once.

    Raises:
        DataFailure: the blocks do not tile the files, the account does not close, or the
            share of quarantined rows is above `quarantined_share`.
        Conflict: another run has committed in between.
    """
    planned = [Origin(file.path, *span) for file in plan.files for span in file.ranges]
    prove_tiling(planned, [block.origin for block in counts])
    account = Account.of(plan, counts)
    account.prove_closed()
    name = f"plan {plan.number}"
    prove_written(name, "quarantine", {c.origin: c.quarantined for c in counts}, written["quarantine"])
    prove_written(name, "events", {c.origin: c.accepted for c in counts}, written["events"])
    _hold_contract(plan, roots, account, written["quarantine"], quarantined_share)
    for table in ("quarantine", "events"):
        seal = f"{plan.app(table)}/seal"
        tokens = (
            Token(plan.app(table), plan.number, plan.number - 1 or None),
            # The number alone would take another sealing of it, by a run that outlived its driver, for this one.
            Token(seal, plan.seal, stored_token(roots[table], seal)),
        )
        commit_once(roots[table], tokens, [w.added for w in written[table]], info={"account": account.as_info()})
    return account


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
