"""The account of a plan: every row that was read is in exactly one place."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sized
from dataclasses import asdict, dataclass
from typing import Any, Self

import pyarrow as pa

from headrace.failures import DataFailure
from headrace.lake.plans import Plan
from headrace.rows.block import Counts, Origin

NOT_LOOKED_FOR = "not looked for"

ACCOUNTS = pa.schema(
    [
        ("plan", pa.int64()),
        ("sealed_at", pa.timestamp("us", tz="UTC")),
        ("contract", pa.string()),  # digest
        ("files", pa.int64()),
        ("bytes", pa.int64()),
        ("refused", pa.int64()),  # files of which something could not be read; each such range is one quarantined row
        ("read", pa.int64()),  # rows, as all counts below
        ("accepted", pa.int64()),
        ("quarantined", pa.int64()),
        ("duplicate", pa.int64()),
        ("duplicates", pa.string()),  # how they were looked for
        ("replaced", pa.int64()),  # rows of earlier plans that left the table, as accepted ones came in their place
        ("reasons", pa.string()),  # JSON: reason → rows that broke it
    ]
)


@dataclass(frozen=True)
class Account:
    """read = accepted + quarantined + duplicate, over the files of one plan; `replaced` are rows of earlier ones.

    A range of a file that cannot be read counts as one row, in quarantine; `refused` are the
    files that have such ranges, so files planned = files read whole + refused.
    """

    plan: int
    sealed_at: str
    contract: str
    files: int
    bytes: int
    refused: int
    read: int
    accepted: int
    quarantined: int
    duplicate: int
    duplicates: str
    replaced: int
    reasons: Mapping[str, int]

    @classmethod
    def of(
        cls, plan: Plan, counts: Iterable[Counts], repeats: Mapping[Origin, Sized], looked: str, replaced: int = 0
    ) -> Self:
        """Add up the blocks of a plan; that they are all there, `prove_tiling` has shown.

        `repeats` are the accepted rows of each block that are left out, as they repeat a key;
        `replaced` counts the rows that leave the table for those that come.
        """
        read = accepted = quarantined = 0
        duplicate = sum(map(len, repeats.values()))
        reasons: Counter[str] = Counter()
        for block in counts:
            read, accepted, quarantined = (
                read + block.read,
                accepted + block.accepted,
                quarantined + block.quarantined,
            )
            reasons.update(block.reasons)
        return cls(
            plan=plan.number,
            sealed_at=plan.sealed_at,
            contract=plan.contract,
            files=len(plan.files),
            bytes=plan.size,
            refused=sum(bool(file.refused) for file in plan.files),
            read=read,
            accepted=accepted - duplicate,
            quarantined=quarantined,
            duplicate=duplicate,
            duplicates=looked,
            replaced=replaced,
            reasons=dict(sorted(reasons.items())),
        )

    def prove_closed(self) -> None:
        """Rows that were read and rows that arrived are the same number.

        Raises:
            DataFailure: they are not; nothing may be committed.
        """
        if self.read != self.accepted + self.quarantined + self.duplicate:
            raise DataFailure(
                f"plan {self.plan}: the account does not close: read {self.read:,} rows, but accepted "
                f"{self.accepted:,} + quarantined {self.quarantined:,} + duplicate {self.duplicate:,}; "
                "nothing was committed. This is a fault of Headrace or its runner: run again, and report it"
            )

    def as_info(self) -> dict[str, Any]:
        """As plain values, for a commit's metadata."""
        return {**asdict(self), "reasons": dict(self.reasons)}

    @classmethod
    def total(cls, accounts: Iterable["Account"]) -> dict[str, Any]:
        """The sums over several accounts, as the report and the summary show them."""
        sums: Counter[str] = Counter(
            dict.fromkeys(("files", "bytes", "refused", "read", "accepted", "quarantined", "duplicate", "replaced"), 0)
        )
        reasons: Counter[str] = Counter()
        looked: dict[str, None] = {}
        for account in accounts:
            sums.update({k: getattr(account, k) for k in sums})
            reasons.update(account.reasons)
            looked[account.duplicates] = None
        return {**sums, "duplicates": "; ".join(looked) or NOT_LOOKED_FOR, "reasons": dict(sorted(reasons.items()))}


def rows_of(accounts: Iterable[Account]) -> pa.RecordBatch:
    """Accounts as rows of the accounts table."""
    records = [{**asdict(a), "reasons": json.dumps(dict(a.reasons))} for a in accounts]
    for record in records:
        record["sealed_at"] = pa.scalar(record["sealed_at"]).cast(pa.timestamp("us", tz="UTC")).as_py()
    return pa.RecordBatch.from_pylist(records, schema=ACCOUNTS)


def accounts_in(rows: pa.Table) -> list[Account]:
    """The inverse of `rows_of`, in the order of plans."""
    records = rows.sort_by("plan").to_pylist()
    return [
        Account(**{**r, "sealed_at": r["sealed_at"].isoformat(), "reasons": json.loads(r["reasons"])}) for r in records
    ]


def prove_tiling(planned: Iterable[Origin], arrived: Iterable[Origin]) -> None:
    """The origins that arrived cover every planned byte exactly once, and nothing else.

    This does not rest on any count: a lost block leaves a gap, a repeated one an overlap.

    Raises:
        DataFailure: it names the first file and range that is missing or there twice.
    """
    expected, found = _spans(planned), _spans(arrived)
    for file in sorted(expected.keys() | found.keys()):
        want, have = _merged(file, expected.get(file, [])), _merged(file, found.get(file, []))
        if want != have:
            raise DataFailure(
                f"{file}: the blocks that arrived do not tile the file: planned bytes {_shown(want)}, "
                f"arrived {_shown(have)}; nothing was committed. Run again; if it stays, report it"
            )


def _spans(origins: Iterable[Origin]) -> dict[str, list[tuple[int, int]]]:
    spans: dict[str, list[tuple[int, int]]] = {}
    for file, start, end in origins:
        spans.setdefault(file, []).append((start, end))
    return spans


def _merged(file: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            raise DataFailure(
                f"{file}: bytes {start}..{merged[-1][1]} arrived twice; nothing was committed. "
                "Run again; if it stays, report it"
            )
        if merged and start == merged[-1][1]:
            merged[-1] = (merged[-1][0], end)
        elif end > start:
            merged.append((start, end))
    return merged


def _shown(spans: list[tuple[int, int]]) -> str:
    return ", ".join(f"{start}..{end}" for start, end in spans[:5]) + (", …" if len(spans) > 5 else "") or "none"
