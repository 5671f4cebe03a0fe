"""Commit a plan's files, once, after proving that every row is there."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam import PCollection
from apache_beam.typehints.decorators import no_annotations

from headrace.lake.accounts import Account
from headrace.lake.damaged_files import damage_found, note_damage
from headrace.lake.plans import SealedPlan
from headrace.lake.repeats import Repeats
from headrace.lake.settle import Arrived, Terms, settle
from headrace.lake.written import Written
from headrace.rows.block import Counts


class Arrivals(NamedTuple):
    """What the workers made of a plan."""

    events: PCollection[Written]
    quarantine: PCollection[Written]
    counts: PCollection[Counts]
    repeats: PCollection[Repeats]


@dataclass(eq=False)
class Settle(beam.PTransform[Arrivals, PCollection[Account]]):
    """One worker receives all files and counts, proves the account, and commits.

    Only names and numbers are gathered, never rows. A retry of this stage finds its
    tokens in the tables and commits nothing twice. Where something could not be read that
    the plan does not know of, that is noted beside the plan, and nothing is committed.
    """

    plan: SealedPlan
    roots: Mapping[str, str]
    terms: Terms

    @no_annotations
    def expand(self, arrivals: Arrivals) -> PCollection[Account]:
        """Lay out the stage."""
        parts = (
            arrivals.events | "Events" >> beam.Map(lambda file: (None, ("events", file))),
            arrivals.quarantine | "Quarantine" >> beam.Map(lambda file: (None, ("quarantine", file))),
            arrivals.counts | "Counts" >> beam.Map(lambda counts: (None, ("counts", counts))),
            arrivals.repeats | "Repeated" >> beam.Map(lambda repeats: (None, ("repeats", repeats))),
            # A plan without a single block is settled too.
            arrivals.counts.pipeline | "Plan" >> beam.Create([(None, ("plan", None))], reshuffle=False),
        )
        return (
            parts
            | "All" >> beam.Flatten()
            | "Gather" >> beam.GroupByKey()  # (None, [(part, Written | Counts)])
            | "Commit" >> beam.ParDo(_SettleFn(self.plan, self.roots, self.terms))
        )


class _SettleFn(beam.DoFn):
    def __init__(self, plan: SealedPlan, roots: Mapping[str, str], terms: Terms) -> None:
        self._plan = plan
        self._roots = dict(roots)
        self._terms = terms

    def process(self, element: tuple[None, Iterable[tuple[str, Any]]]) -> Iterator[Account]:
        parts: dict[str, list[Any]] = {"events": [], "quarantine": [], "counts": [], "repeats": [], "plan": []}
        for part, value in element[1]:
            parts[part].append(value)
        plan = self._plan.read()
        if damage := damage_found(plan, parts["counts"]):
            note_damage(self._plan, damage)
            return
        yield settle(plan, self._roots, Arrived(parts["counts"], parts, parts["repeats"]), self._terms)
