"""Run a Beam pipeline at a place, and give back the failure a person can act on."""

import logging
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from headrace.entry import Call
from headrace.failures import PlaceFailure, UsageFailure, failure_told
from headrace.spec.place import BeamPlace
from transforms import pace

if TYPE_CHECKING:
    import apache_beam as beam


class Launcher:
    """Runs pipelines where a call says, with options that were proven when it was made.

    Raises:
        UsageFailure: an option or the runner is nothing Beam knows, or may not be used.
        PlaceFailure: the place cannot run it.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        # Our own defaults need no proof; Beam is then loaded only when there is work.
        if call.passed_on or call.place.beam != BeamPlace():
            self._pipeline()

    def run(self, step: str, work: int, build: Callable[["beam.Pipeline"], None]) -> str:
        """Build a pipeline, wait for its end and return its last state, which proves nothing of what it did.

        Args:
            step: what it is called in the progress.
            work: how much it has to do, in the unit that its transforms count in.
            build: lays the pipeline out.

        Raises:
            Failure: what a worker raised for people to read, without the runner's wrapping.
        """
        pipeline = self._pipeline()
        build(pipeline)
        try:
            with pace.shown(self._call.progress, step, work) as watched:
                watched.job = pipeline.run()
                _watch_for_good(watched.job)
                state: Any = watched.job.wait_until_finish()
        except Exception as wrapped:
            # The failure comes with the runner's wrapping, and from another process as text only.
            if failure := failure_told("".join(traceback.format_exception(wrapped))):
                raise failure from wrapped
            raise
        except KeyboardInterrupt:
            _end(watched.job)
            raise
        return str(state or watched.job.state)

    def _pipeline(self) -> "beam.Pipeline":
        logging.disable(logging.WARNING)  # Beam says at import that it lacks Google's libraries, which nobody asked for
        import apache_beam as beam  # noqa: PLC0415  # loaded when there is work

        from pipelines.options import proven_options  # noqa: PLC0415

        logging.disable(logging.NOTSET)
        # What Beam logs of a failure comes up again in the exception, once and whole.
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
        _failures_are_told_once()
        _threads_lose_their_runner_in_silence()
        options = proven_options(self._call)
        try:
            return beam.Pipeline(options=options)
        except ImportError as lacking:
            raise PlaceFailure(f"place {self._call.place.place}: {lacking}") from lacking
        except ValueError as refused:
            raise UsageFailure(f"place {self._call.place.place} and the command line: {refused}") from refused


def _watch_for_good(job: Any) -> None:
    """A job of a job service is watched however long it takes.

    Beam asks for the states of a job with the time limit of a single request (`job_server_timeout`, 300 s), at
    which its driver would take a job for failed that is well. Asked again, without a limit, the service tells
    where the job stands, then what follows.
    """
    from apache_beam.portability.api import beam_job_api_pb2 as api  # noqa: PLC0415
    from apache_beam.runners.portability.portable_runner import PipelineResult  # noqa: PLC0415

    if isinstance(job, PipelineResult):
        service, number = job._job_service, job._job_id  # noqa: SLF001  # there is no other way
        job._state_stream = service.GetStateStream(api.GetJobStateRequest(job_id=number))  # noqa: SLF001
        job._message_stream = service.GetMessageStream(api.JobMessagesRequest(job_id=number))  # noqa: SLF001


def _end(job: Any) -> None:
    """Let go of a job that a person has ended; what Beam says of that is no news."""
    logging.disable(logging.CRITICAL)
    with suppress(Exception):  # a job service that is gone has ended it already
        if job is not None:
            job.cancel()


def _failures_are_told_once() -> None:
    """What a worker raises for people to read is told when it ends the run; no trace of it is shown before."""
    from apache_beam.runners.worker import sdk_worker  # noqa: PLC0415

    logging.basicConfig()  # as Beam would do at its first word
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_news)
    vars(sdk_worker)["print"] = _print_news  # it is for traces only, and there is no other way


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a line of a log is no trace of a failure of ours; Prism announces every trace twice before it comes."""
    told = record.getMessage()
    return failure_told(told) is None and not (record.name == "PrismRunner" and "bundle error" in told)


def _print_news(trace: str, file: TextIO | None = None) -> None:
    if failure_told(trace) is None:
        print(trace, file=file)


def _threads_lose_their_runner_in_silence() -> None:
    """Of a runner that is gone each of Beam's threads would tell, and the job tells it as well."""
    told = threading.excepthook

    def tell(ended: threading.ExceptHookArgs) -> None:
        if not ended.exc_type.__module__.startswith("grpc"):
            told(ended)

    threading.excepthook = tell
