"""Slice counts in files: written by the tasks that count, mapped by the driver that merges."""

import uuid
from collections.abc import Iterable

import pyarrow as pa

from headrace import storage
from headrace.failures import reaching
from headrace.learn.slices import RUN, SliceCounts


def write_slices(folder: str, counts: SliceCounts) -> list[tuple[str, str]]:
    """Column and name of each file; the names are new, so that a task that is tried again disturbs nothing."""
    written = []
    for column, runs in counts.runs.items():
        for run in runs:
            name = f"{uuid.uuid4().hex}.arrow"
            path = storage.join(folder, name)
            with reaching(path):
                file = storage.create(path)
                with pa.ipc.new_file(file.sink, RUN) as rows:
                    rows.write_batch(run)
                file.finish()
            written.append((column, name))
    return written


def read_slices(folder: str, files: Iterable[tuple[str, str]]) -> SliceCounts:
    """The counts of all files together; they are mapped, so the folder must stay while they are asked."""
    return SliceCounts.merged(SliceCounts({column: [_mapped(storage.join(folder, name))]}) for column, name in files)


def _mapped(path: str) -> pa.RecordBatch:
    if storage.on_a_store(path):
        return pa.ipc.open_file(pa.py_buffer(storage.read(path) or b"")).get_batch(0)
    # The mapping outlives the open file, so there may be more files than a process may open.
    with pa.memory_map(path) as file:
        return pa.ipc.open_file(file).get_batch(0)
