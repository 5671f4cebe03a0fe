"""How long each step of a project took when it last had work, kept beside the reports."""

import datetime as dt
from collections.abc import Mapping

import msgspec

from headrace import storage
from headrace.failures import DataFailure


class Took(msgspec.Struct, frozen=True):
    """One step's last working run."""

    seconds: float
    at: str  # when it ended, ISO 8601, UTC


def note(reports: str, project: str, step: str, seconds: float) -> None:
    """Keep the time of a step that has just ended, whatever becomes of the steps after it.

    Raises:
        DataFailure: the file beside the reports is not what a run notes.
    """
    took = Took(seconds, dt.datetime.now(dt.UTC).isoformat(timespec="seconds"))
    noted = {**step_times(reports, project), step: took}
    storage.put(_path(reports, project), msgspec.json.format(msgspec.json.encode(noted), indent=1))


def step_times(reports: str, project: str) -> Mapping[str, Took]:
    """Every noted step of a project by its name; none where nobody noted any.

    Raises:
        DataFailure: the file is not what a run notes.
    """
    path = _path(reports, project)
    content = storage.read(path)
    try:
        return msgspec.json.decode(content, type=dict[str, Took]) if content else {}
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise DataFailure(f"{path}: not what a run notes ({fault}); remove it") from fault


def _path(reports: str, project: str) -> str:
    return storage.join(reports, f"{project}.steps.json")
