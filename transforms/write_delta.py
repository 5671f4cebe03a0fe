"""Append record batches to a Delta table exactly once: the sink that other pipelines use."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa
from apache_beam import PCollection
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from headrace import storage
from headrace.failures import Conflict, UsageFailure
from headrace.lake.commit import Committed, Token, commit_once, stored_token
from headrace.lake.data_files import ROW_GROUP_BYTES, TARGET_BYTES, Added, DataFileWriter
from headrace.lake.partitions import Partition, by_partition, refuse_unfit
from headrace.lake.tables import create_table, open_table, refuse_other_types, refuse_unknown_features

_OPEN_FILES = 64  # of one worker, each of one partition


@dataclass(eq=False)
class WriteDelta(beam.PTransform[PCollection[pa.RecordBatch], PCollection[Committed]]):
    """Every row of a bounded input, once per run of a job, in one commit.

    The commit carries the token (`job`, `run`): a run that is repeated, killed anywhere or
    tried again by its runner finds its token in the table and adds nothing. Runs are numbered
    upwards; what a dead run has written is in no version, until a vacuum removes it.

    Workers write the files, one commit names them: nobody reads a part. The table is made,
    and new nullable columns are added, where the pipeline is built.

    Args of the constructor:
        root: of the table.
        schema: of the batches; columns in any order, all of them.
        job: who writes, for good: the same for every run.
        run: the number of this run, above that of every run before.
        partition_by: columns whose values part the files.
        target: bytes of a file, about.

    Metrics in the namespace `write_delta`: `rows`, `files`, `bytes`; `repeated` counts
    commits that found their token, and stays zero where nothing was run twice.

    Raises:
        DataFailure: a column has a type that Delta does not keep, or another than the table's;
            the table is parted in another way; or a partition's value cannot be one.
        UsageFailure: the input is windowed.
        Conflict: a later run of the job has committed, or rivals won every attempt.
    """

    root: str
    schema: pa.Schema
    job: str
    run: int
    partition_by: Sequence[str] = ()
    target: int = TARGET_BYTES

    def expand(self, batches: PCollection[pa.RecordBatch]) -> PCollection[Committed]:
        """Lay out the stages."""
        root = storage.absolute(self.root)  # a worker stands elsewhere
        if not batches.windowing.is_default():
            raise UsageFailure(
                f"{self.root}: one run is one commit, so its input must be in the global window, untriggered"
            )
        refuse_other_types(self.schema)
        refuse_unfit(self.schema, self.partition_by)
        create_table(root, self.schema, partition_by=self.partition_by)
        refuse_unknown_features(root, open_table(root))
        files = batches | "Write files" >> beam.ParDo(
            _WriteFn(root, self.schema, tuple(self.partition_by), self.target)
        )
        always = batches.pipeline | "Commit at least" >> beam.Create([(None, "")], reshuffle=False)
        return (
            (files, always)
            | "All" >> beam.Flatten()
            | "Gather" >> beam.GroupByKey()  # (None, add actions as JSON)
            | "Commit" >> beam.ParDo(_CommitFn(root, self.job, self.run))
        )


class _WriteFn(beam.DoFn):
    """One open file for each partition; they are finished with the bundle, or when they are large enough."""

    def __init__(self, root: str, schema: pa.Schema, partition_by: tuple[str, ...], target: int) -> None:
        self._root, self._schema = root, schema
        self._partition_by, self._target = partition_by, target
        self._writers: dict[str, DataFileWriter] = {}

    def start_bundle(self) -> None:
        self.teardown()

    def process(self, element: pa.RecordBatch) -> Iterator[tuple[None, str]]:
        for partition, rows in by_partition(element.select(self._schema.names), self._partition_by):
            key = json.dumps(partition)
            if key not in self._writers:
                if len(self._writers) >= _OPEN_FILES:
                    yield self._finished(next(iter(self._writers)))
                self._writers[key] = self._opened(partition)
            self._writers[key].write(rows)
            if self._writers[key].size >= self._target:
                yield self._finished(key)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        window = GlobalWindow()
        for key in list(self._writers):
            yield WindowedValue(self._finished(key), window.max_timestamp(), (window,))

    def teardown(self) -> None:
        for writer in self._writers.values():
            writer.abandon()
        self._writers = {}

    def _opened(self, partition: Partition) -> DataFileWriter:
        return DataFileWriter(self._root, self._schema, partition=partition, row_group_bytes=ROW_GROUP_BYTES)

    def _finished(self, key: str) -> tuple[None, str]:
        added = self._writers.pop(key).close()
        assert added is not None  # a file is opened for the rows of a batch
        Metrics.counter("write_delta", "rows").inc(added.rows)
        Metrics.counter("write_delta", "files").inc()
        Metrics.counter("write_delta", "bytes").inc(added.size)
        return None, added.to_json()


class _CommitFn(beam.DoFn):
    def __init__(self, root: str, job: str, run: int) -> None:
        self._root, self._job, self._run = root, job, run

    def process(self, element: tuple[None, Iterable[str]]) -> Iterator[Committed]:
        before = stored_token(self._root, self._job)
        if before is not None and before > self._run:
            raise Conflict(
                f"{self._root}: run {before} of {self._job} has committed, and this is run {self._run}; "
                "number runs upwards"
            )
        adds = [Added.from_json(text) for text in element[1] if text]
        done = commit_once(self._root, [Token(self._job, self._run, before)], adds, info={"job": self._job})
        if not done.fresh:
            Metrics.counter("write_delta", "repeated").inc()
        yield done
