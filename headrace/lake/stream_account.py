"""The account of a range of offsets: every message that was read is in exactly one place."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from headrace.failures import DataFailure, Failure
from headrace.rows.messages import CheckedMessages


@dataclass(frozen=True)
class StreamAccount:
    """read = accepted + quarantined + duplicate; late are among the accepted, replaced are rows of earlier commits.

    Duplicates are known to the events alone, which look for them: in the account of a commit
    to another table they are among the accepted.
    """

    read: int = 0  # messages, as all counts below
    accepted: int = 0
    quarantined: int = 0
    duplicate: int = 0
    replaced: int = 0  # rows that left the table, as accepted ones came in their place
    late: int = 0
    newest: dt.datetime | None = None  # event time of the accepted
    reasons: Mapping[str, int] = field(default_factory=dict)  # how many messages each holds for

    @classmethod
    def of(cls, checked: CheckedMessages) -> Self:
        """Of one block."""
        counts = checked.counts
        return cls(
            counts.read,
            counts.accepted,
            counts.quarantined,
            late=checked.late,
            newest=checked.newest,
            reasons=dict(counts.reasons),
        )

    @classmethod
    def total(cls, accounts: Iterable["StreamAccount"]) -> Self:
        """The sums, and the newest of the times."""
        every = list(accounts)
        reasons: Counter[str] = Counter()
        for account in every:
            reasons.update(account.reasons)
        sums = {name: sum(getattr(a, name) for a in every) for name in _SUMS}
        newest = max((a.newest for a in every if a.newest), default=None)
        return cls(**sums, newest=newest, reasons=dict(sorted(reasons.items())))

    def prove(self, table: str, expected: int, written: int, stop_if: float | None) -> None:
        """What was read is accounted for, written in full (`expected` rows), and within the contract's limit.

        Raises:
            Failure: messages or rows are missing; nothing may be committed.
            DataFailure: the share of quarantined messages is above the limit.
        """
        if self.read != self.accepted + self.quarantined + self.duplicate or written != expected:
            raise Failure(
                f"{table}: the account does not close: read {self.read:,} messages, accepted {self.accepted:,}, "
                f"quarantined {self.quarantined:,}, written {written:,} of {expected:,} rows; nothing of them "
                "was committed. This is a fault of Headrace or its runner: run again, and report it"
            )
        if stop_if is not None and self.quarantined > stop_if * self.read:
            reasons = ", ".join(f"{name} {n:,}" for name, n in sorted(self.reasons.items(), key=lambda kv: -kv[1])[:5])
            raise DataFailure(
                f"{table}: {self.quarantined:,} of {self.read:,} messages broke the contract, contract.stop_if allows "
                f"{100 * stop_if:.3g} % of a commit; these were not committed. Reasons: {reasons}. Mend the producer or"
                " the contract and run again: reading goes on where the table ends"
            )

    def as_info(self) -> dict[str, Any]:
        """As plain values, for a commit's metadata."""
        return {
            **asdict(self),
            "reasons": dict(self.reasons),
            "newest": self.newest.isoformat() if self.newest else None,
        }

    @classmethod
    def from_info(cls, info: Mapping[str, Any]) -> Self:
        """The inverse of `as_info`; other keys are read past."""
        newest = dt.datetime.fromisoformat(info["newest"]) if info.get("newest") else None
        return cls(**{name: info[name] for name in _SUMS}, newest=newest, reasons=dict(info["reasons"]))


_SUMS = ("read", "accepted", "quarantined", "duplicate", "replaced", "late")
