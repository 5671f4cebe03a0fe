"""The steps of a project in the order its references give."""

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.spec.project import Project

INGEST = "ingest"
MODEL_STEPS = ("features", "examples", "train", "evaluate", "score", "report")
"""What is done for each model, in this order."""

MODULES = {
    INGEST: "pipelines.ingest_batch",
    "features": "pipelines.build_features",
    "examples": "jobs.build_examples",
    "train": "jobs.train",
    "evaluate": "jobs.evaluate",
    "score": "jobs.score",
}
"""Which entry point does a step; the report is made by `headrace` itself."""


@dataclass(frozen=True)
class Step:
    """One step on one project file."""

    kind: str
    subject: str  # the data set or model
    config: str

    @property
    def name(self) -> str:
        """As people call it and as `reports/<model>.json` lists it."""
        return f"{self.kind} {self.subject}"


def steps_of(project: Project) -> list[Step]:
    """Every step of a project in the order to run them.

    A model needs all data sets of the project, so those are ingested first.
    """
    steps = [Step(INGEST, name, data.file) for name, data in sorted(project.data_sets.items())]
    for name, model in sorted(project.models.items()):
        steps += [Step(kind, name, model.file) for kind in MODEL_STEPS]
    return steps


def starting_at(steps: Sequence[Step], first: str) -> list[Step]:
    """The steps from the first one of a kind (or full name) on."""
    for index, step in enumerate(steps):
        if first in (step.kind, step.name):
            return list(steps[index:])
    return []
