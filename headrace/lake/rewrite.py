"""Put files in the place of others, in one commit."""

import random
import time
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
from deltalake import CommitProperties
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from headrace.failures import Conflict, reaching
from headrace.lake.checkpoints import WITHOUT_HOOKS, checkpoint_if_due
from headrace.lake.data_files import Added
from headrace.lake.reading import read_group
from headrace.lake.snapshot import DataFile, Snapshot, open_snapshot, row_groups
from headrace.lake.tables import open_table

REWRITTEN = "headrace_rewrite"
"""The key under which such a commit tells why files were rewritten, how many, and how many they became."""

_ATTEMPTS = 8


def replace_files(root: str, old: Sequence[DataFile], new: Sequence[Added], why: str, *, changes_data: bool) -> None:
    """Change the files in one commit, as long as every old one is still there: nobody else may have replaced it.

    Safe beside a run that appends. Without a change of data, incremental readers see nothing of it.

    Raises:
        Conflict: another run has replaced one of the old files; nothing was changed.
    """
    now = time.time_ns() // 1_000_000
    actions: list[AddAction | RemoveAction] = [
        *(RemoveAction(file.name, changes_data, now, file.size, file.partition) for file in old),
        *(AddAction(a.name, a.size, a.partition, a.modified, changes_data, a.stats) for a in new),
    ]
    names = {file.name for file in old}
    for attempt in range(_ATTEMPTS):
        table = open_table(root)
        if gone := names - {file.name for file in open_snapshot(root, table.version()).files}:
            raise Conflict(f"{root}: {len(gone)} files were changed while they were rewritten; run again")
        try:
            with reaching(root):
                table.create_write_transaction(
                    actions,
                    mode="append",
                    schema=table.schema(),
                    partition_by=table.metadata().partition_columns or None,
                    # A retry must look for the old files again, so it is ours to make.
                    commit_properties=CommitProperties(
                        custom_metadata={
                            "isBlindAppend": False,
                            REWRITTEN: {"why": why, "files": len(old), "into": len(new)},
                        },
                        max_commit_retries=0,
                    ),
                    post_commithook_properties=WITHOUT_HOOKS,
                )
        except DeltaError as failure:
            last = failure
            time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  # jitter, not secrecy
        else:
            table.update_incremental()
            checkpoint_if_due(root, table.version())
            return
    raise Conflict(f"{root}: rivals won {_ATTEMPTS} times in a row, last: {last}; run again") from last


def stored_rows(snapshot: Snapshot, files: Iterable[DataFile]) -> Iterator[pa.RecordBatch]:
    """The rows of files of one partition as they are stored, row group by row group, one in memory at a time."""
    files = list(files)
    kept = [field for field in snapshot.schema if field.name not in files[0].partition]
    return (read_group(group, pa.schema(kept)) for group in row_groups(files))
