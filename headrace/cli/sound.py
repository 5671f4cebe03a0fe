"""What can be known to fail before the first step runs, told then."""

from collections.abc import Iterable, Sequence

from headrace.cli.children import run_child
from headrace.cli.steps import SPARK_STEPS, Step
from headrace.failures import PlaceFailure, UsageFailure
from headrace.spec.faults import Fault, SpecError
from headrace.spec.project import Project


def prove_sound(project: Project, models: Iterable[str]) -> None:
    """Every feature of these models is known in time, every step fits its column; every schema of messages is one.

    Raises:
        SpecError: every fault of every model and data set.
    """
    from headrace.features.feature_set import FeatureSpec  # noqa: PLC0415  # Arrow is loaded when there is work
    from headrace.rows.messages import MessageChecker  # noqa: PLC0415

    faults: list[Fault] = []
    for located in project.data_sets.values():
        try:
            if located.schemas and (data := located.value.of_topic):
                MessageChecker(data)
        except UsageFailure as failure:
            key = "sources.live.schema" if located.value.sources else "source.schema"
            faults.append(located.fault(key, str(failure).removeprefix("source.schema: ")))
    for name in models:
        try:
            FeatureSpec.compile(project, name)
        except SpecError as error:
            faults += error.faults
    if faults:
        raise SpecError(faults)


def prove_place(project: Project, steps: Sequence[Step], place_file: str | None) -> None:
    """Java, jars and slots are there, where one of the steps needs Spark.

    Raises:
        PlaceFailure: everything that is lacking, with its cure.
    """
    if not any(step.kind in SPARK_STEPS for step in steps):
        return
    workers = max((project.models[s.subject].value.train.workers for s in steps if s.kind == "train"), default=1)
    lacking: list[str] = []

    def look(event: dict[str, object]) -> None:
        if event["event"] == "step" and not event["ok"]:
            lacking.append(f"{event['step']}: {event['found']}")

    arguments = ["--workers", str(workers), *(("--place", place_file) if place_file else ())]
    outcome = run_child("jobs.doctor", arguments, look)
    if lacking or outcome.exit_code:
        raise PlaceFailure("\n".join(lacking) or outcome.message)
