"""Commit a build of a model's features, once, after proving that every due row is there."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam import PCollection
from apache_beam.typehints.decorators import no_annotations

from headrace.features.build import Build, commit_build
from headrace.features.due import DueCounts
from headrace.lake.commit import Committed
from headrace.lake.written import Written


class Built(NamedTuple):
    """What the workers made of a build."""

    files: PCollection[Written]
    counts: PCollection[DueCounts]


@dataclass(eq=False)
class CommitFeatures(beam.PTransform[Built, PCollection[Committed]]):
    """One worker receives the names of all files and the counts of all blocks, and commits."""

    work: Build
    root: str

    @no_annotations
    def expand(self, built: Built) -> PCollection[Committed]:
        """Lay out the stage."""
        parts = (
            built.files | "Files" >> beam.Map(lambda file: (None, ("files", file))),
            built.counts | "Counts" >> beam.Map(lambda counts: (None, ("counts", counts))),
            # A build without a single due row moves the tokens all the same.
            built.counts.pipeline | "Build" >> beam.Create([(None, ("build", None))], reshuffle=False),
        )
        return (
            parts
            | "All" >> beam.Flatten()
            | "Gather" >> beam.GroupByKey()  # (None, [(part, Written | DueCounts)])
            | "Commit" >> beam.ParDo(_CommitFn(self.work, self.root))
        )


class _CommitFn(beam.DoFn):
    def __init__(self, work: Build, root: str) -> None:
        self._work = work
        self._root = root

    def process(self, element: tuple[None, Iterable[tuple[str, Any]]]) -> Iterator[Committed]:
        parts: dict[str, list[Any]] = {"files": [], "counts": [], "build": []}
        for part, value in element[1]:
            parts[part].append(value)
        yield commit_build(self._work, self._root, parts["counts"], parts["files"])
