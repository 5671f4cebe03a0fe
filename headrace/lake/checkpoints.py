"""Checkpoints of a table's log, written beside the work and not in it."""

import logging
import threading

from deltalake import DeltaTable, PostCommitHookProperties
from deltalake.exceptions import DeltaError

from headrace.fault_points import reached
from headrace.lake.tables import open_table

EVERY = 100
"""Commits; so many small files of the log are read at most to open a table."""

WITHOUT_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
"""A hook that fails would make a commit look failed which has happened, and every commit would wait for it."""

_log = logging.getLogger(__name__)


def checkpoint_if_due(root: str, version: int) -> None:
    """Begin to write a checkpoint where a commit was the hundredth; the commit does not wait, the process does.

    One that fails costs nothing but the time it takes to open the table: the next one makes up for it.
    """
    if version and version % EVERY == 0:
        threading.Thread(target=_tried, args=(root, version), name=f"checkpoint {root}").start()


def write_checkpoint(table: DeltaTable) -> None:
    """Write a checkpoint of the version that the handle has."""
    reached("checkpoint")
    table.create_checkpoint()


def _tried(root: str, version: int) -> None:
    try:
        write_checkpoint(open_table(root, version))
    except (DeltaError, OSError) as failure:
        _log.warning("%s: no checkpoint of version %d could be written: %s", root, version, failure)
