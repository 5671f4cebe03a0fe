"""Separate the messages that keep their contract from those that do not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam import PCollection
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints.decorators import no_annotations

from headrace.lake.stream_account import StreamAccount
from headrace.rows.block import Block
from headrace.rows.messages import MessageChecker
from headrace.spec.data_set import DataSet
from transforms import pace


class Judged(NamedTuple):
    """One table's rows of a block of messages, possibly none, with the account of the whole block."""

    block: Block
    account: StreamAccount


class JudgedMessages(NamedTuple):
    """The ways out: every message takes one of them, every range of offsets takes both."""

    events: PCollection[Judged]
    quarantine: PCollection[Judged]


@dataclass(eq=False)
class CheckMessages(beam.PTransform[PCollection[Block], JudgedMessages]):
    """Parse, clean, derive and check every message; none is dropped."""

    data: DataSet

    @no_annotations
    def expand(self, messages: PCollection[Block]) -> JudgedMessages:
        """Lay out the stage."""
        check = beam.ParDo(_CheckFn(self.data)).with_output_types(Judged)
        ways = messages | "Check messages" >> check.with_outputs("quarantine", main="events")
        return JudgedMessages(ways.events, ways.quarantine)


class _CheckFn(beam.DoFn):
    def __init__(self, data: DataSet) -> None:
        self._data = data

    def setup(self) -> None:
        self._checker = MessageChecker(self._data)

    def process(self, element: Block) -> Iterator[Any]:  # Judged, and tagged: Judged
        checked = self._checker.split(element)
        account = StreamAccount.of(checked)
        pace.count(account.read, element.origin.end - element.origin.start)
        yield Judged(Block(element.origin, checked.accepted), account)
        yield TaggedOutput("quarantine", Judged(Block(element.origin, checked.quarantined), account))
