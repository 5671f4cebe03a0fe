"""The steps of a project in the order its references give."""

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.spec.data_set import DataSet
from headrace.spec.project import Located, Project

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
    "report": "headrace.report",
    "replay": "pipelines.replay",
}
"""Which entry point does a step."""

SPARK_STEPS = ("examples", "train", "evaluate", "score")
"""Those that start a Spark session."""


@dataclass(frozen=True)
class Step:
    """One step on one project file."""

    kind: str
    subject: str  # the data set or model
    config: str
    streams: bool = False  # whether it reads the topic
    part: str = ""  # which of its two sources it reads, where it has two: files or topic

    @property
    def module(self) -> str:
        """The entry point that does it."""
        return "pipelines.ingest_stream" if self.kind == INGEST and self.streams else MODULES[self.kind]

    @property
    def name(self) -> str:
        """As people call it and as `reports/<model>.json` lists it."""
        return f"{self.kind} {self.what}"

    @property
    def what(self) -> str:
        """The data set or model, and which part of it this step alone is of.

        >>> Step("ingest", "clicks", "web/clicks.yaml", part="topic").what
        'clicks topic'
        """
        return f"{self.subject} {self.part}".rstrip()

    def is_called(self, name: str) -> bool:
        """Whether somebody means this step: by its kind, with its subject, or by its whole name."""
        return name in (self.kind, f"{self.kind} {self.subject}", self.name)


def steps_of(project: Project) -> list[Step]:
    """Every step of a project in the order of its references.

    A model comes after the data sets it stands on; data sets that no model needs come last,
    so that a fault there stops nothing else.
    """
    steps: list[Step] = []
    for name, model in sorted(project.models.items()):
        steps += [step for data in model.value.data_sets for step in _ingest(project.data_sets[data])]
        steps += [Step(kind, name, model.file) for kind in MODEL_STEPS]
    steps += [step for _, data in sorted(project.data_sets.items()) for step in _ingest(data)]
    return list(dict.fromkeys(steps))


def _ingest(located: Located[DataSet]) -> list[Step]:
    """The files first, which hand over to the topic."""
    data = located.value
    both = data.of_files and data.of_topic
    return [
        Step(INGEST, data.dataset, located.file, streams, ("topic" if streams else "files") if both else "")
        for streams, has in ((False, data.of_files), (True, data.of_topic))
        if has
    ]


def starting_at(steps: Sequence[Step], first: str) -> list[Step]:
    """The steps from the first one of a kind (or full name) on."""
    for index, step in enumerate(steps):
        if step.is_called(first):
            return list(steps[index:])
    return []
