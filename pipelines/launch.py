"""Run a Beam pipeline at a place, and give back the failure a person can act on."""

import logging
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from headrace.failures import failure_told
from headrace.spec.place import BeamPlace

if TYPE_CHECKING:
    import apache_beam as beam


def launch(place: BeamPlace, passed_on: Sequence[str], build: Callable[["beam.Pipeline"], None]) -> None:
    """Build the pipeline and wait for its end.

    Options given by the caller win over the place's. The runner is always named: a bare
    default would choose its engine by what it finds on the machine.

    Raises:
        Failure: what a worker raised for people to read, without the runner's wrapping.
    """
    logging.disable(logging.WARNING)  # Beam says at import that it lacks Google's libraries, which nobody asked for
    import apache_beam as beam  # noqa: PLC0415  # loaded when there is work
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions  # noqa: PLC0415

    logging.disable(logging.NOTSET)
    # What Beam logs of a failure comes up again in the exception, once and whole.
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    options = PipelineOptions([*(f"--{k}={v}" for k, v in place.options.items()), *passed_on])
    runner = options.view_as(StandardOptions).runner or place.runner
    pipeline = beam.Pipeline(runner=runner, options=options)
    build(pipeline)
    try:
        pipeline.run().wait_until_finish()
    except Exception as wrapped:
        # The failure comes with the runner's wrapping, and from another process as text only.
        if failure := failure_told("".join(traceback.format_exception(wrapped))):
            raise failure from wrapped
        raise
