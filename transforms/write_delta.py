"""A Delta sink for any Beam pipeline: rows are in the table once, however often a run dies or is repeated."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam import PCollection
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from headrace import storage
from headrace.failures import Conflict, UsageFailure
from headrace.lake.commit import Token, commit_once, stored_token
from headrace.lake.data_files import TARGET_BYTES, Added
from headrace.lake.offset_commit import OffsetsTable
from headrace.lake.partitioned_files import PartitionedFiles
from headrace.lake.partitions import refuse_unfit
from headrace.lake.stream_account import StreamAccount
from headrace.lake.tables import create_table, open_table, refuse_other_types, refuse_unknown_features
from headrace.rows.block import Block
from transforms import coders  # noqa: F401  # what blocks travel by
from transforms.check_messages import Judged
from transforms.commit_offsets import CommitOffsets
from transforms.write_parts import WriteParts


@dataclass(frozen=True)
class Run:
    """The commit of a bounded input: all of it at once, with the token (`job`, `number`).

    Elements are record batches, in any order. A run that is repeated finds its number in the
    table and adds nothing.
    """

    job: str  # who writes, for good: the same for every run
    number: int  # of this run, above that of every run before


@dataclass(frozen=True)
class Offsets:
    """Commits of an input whose rows have offsets, bounded or endless: every few seconds what follows on.

    Elements are blocks: a batch of rows with the source and the range of offsets it came
    from, possibly without rows. The ranges of a source must tile it from the offset that
    `WriteDelta.next_offsets` gives; they may come in any order, each once. Those that the
    table has already are dropped. Each commit carries the token (`job`/source, next offset).
    """

    job: str  # who writes, for good
    begin: Mapping[str, int]  # of every source the first offset, for a table that has never seen it
    every: float = 2.0  # seconds between commits, where the runner has timers; else there is one at the end
    patience: float = 120.0  # seconds after which a gap that does not close stops the run


@dataclass(eq=False)
class WriteDelta(beam.PTransform[PCollection[Any], PCollection[tuple[str, int]]]):
    """Every row in the table once: files are written by the workers, and named by a commit with a token.

    Nobody reads a part of a commit. What a dead run has written is in no version, until a
    vacuum removes it. The table is made, and new nullable columns are added, where the
    pipeline is built. What comes out is (root, rows) for each commit.

    Args of the constructor:
        root: of the table.
        schema: of the rows; columns in any order, all of them.
        by: what is committed together: a `Run`, or `Offsets`.
        partition_by: columns whose values part the files; a value is part of the name of a folder, so texts are short.
        cluster_by: other columns, by which the rows of each row group are sorted, so that readers skip more.
        target: bytes of a file, about.

    Metrics in the namespace `write_delta`: `rows`, `files`, `bytes`. `repeated` counts runs
    and ranges that the table had already, and stays zero where nothing was run twice.

    Raises:
        DataFailure: a column has a type that Delta does not keep, or another than the table's;
            the table is parted in another way; or a partition's value cannot be one.
        UsageFailure: the input of a `Run` is windowed.
        Conflict: a later run of the job has committed, another one has committed a part of a
            range, or rivals won every attempt.
        Failure: a gap between ranges does not close.
    """

    root: str
    schema: pa.Schema
    by: Run | Offsets
    partition_by: Sequence[str] = ()
    cluster_by: Sequence[str] = ()
    target: int = TARGET_BYTES

    def expand(self, rows: PCollection[Any]) -> PCollection[tuple[str, int]]:
        """Lay out the stages."""
        root = storage.absolute(self.root)  # a worker stands elsewhere
        if isinstance(self.by, Offsets):
            first = self.next_offsets()
            judged = rows | "Count" >> beam.Map(_counted).with_output_types(Judged)
            parts = judged | "Write parts" >> WriteParts(
                self._table(self.by), self.schema, first, self.partition_by, self.cluster_by, self.target, apart=True
            )
            return parts | "Commit" >> CommitOffsets({root: self._table(self.by)}, self.by.every, self.by.patience)
        if not rows.windowing.is_default():
            raise UsageFailure(
                f"{self.root}: one run is one commit, so its input must be in the global window, untriggered"
            )
        self._make_table()
        write = _WriteFn((root, self.schema, tuple(self.partition_by), tuple(self.cluster_by), self.target))
        files = rows | "Write files" >> beam.ParDo(write).with_output_types(tuple[None, str])
        always = rows.pipeline | "Commit at least" >> beam.Create([(None, "")], reshuffle=False)
        return (
            (files, always)
            | "All" >> beam.Flatten()
            | "Gather" >> beam.GroupByKey()  # (None, add actions as JSON)
            | "Commit" >> beam.ParDo(_CommitFn(root, self.by)).with_output_types(tuple[str, int])
        )

    def next_offsets(self) -> dict[str, int]:
        """From which offset on the table needs each source; makes the table where there is none.

        Raises:
            UsageFailure: the sink commits runs, not offsets.
        """
        if not isinstance(self.by, Offsets):
            raise UsageFailure(f"{self.root}: written by runs; offsets are asked of a sink with by=Offsets(…)")
        self._make_table()
        return self._table(self.by).begin_at(self.by.begin)

    def _table(self, offsets: Offsets) -> OffsetsTable:
        root = storage.absolute(self.root)
        return OffsetsTable(name=root, root=root, prefix=offsets.job)

    def _make_table(self) -> None:
        root = storage.absolute(self.root)
        refuse_other_types(self.schema)
        refuse_unfit(self.schema, self.partition_by, self.cluster_by)
        create_table(root, self.schema, partition_by=self.partition_by)
        refuse_unknown_features(root, open_table(root))


def _counted(block: Block) -> Judged:
    return Judged(block, StreamAccount(read=block.rows.num_rows, accepted=block.rows.num_rows))


class _WriteFn(beam.DoFn):
    """Files are finished with the bundle, or when they are large enough."""

    def __init__(self, files: tuple[Any, ...]) -> None:
        self._as = files
        self._files: PartitionedFiles | None = None

    def start_bundle(self) -> None:
        self.teardown()
        self._files = PartitionedFiles(*self._as)

    def process(self, element: pa.RecordBatch) -> Iterator[tuple[None, str]]:
        assert self._files is not None  # a bundle has begun
        yield from map(_told, self._files.write(element))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        assert self._files is not None  # a bundle has begun
        window = GlobalWindow()
        for added in self._files.close():
            yield WindowedValue(_told(added), window.max_timestamp(), (window,))

    def teardown(self) -> None:
        if self._files is not None:
            self._files.abandon()


def _told(added: Added) -> tuple[None, str]:
    Metrics.counter("write_delta", "rows").inc(added.rows)
    Metrics.counter("write_delta", "files").inc()
    Metrics.counter("write_delta", "bytes").inc(added.size)
    return None, added.to_json()


class _CommitFn(beam.DoFn):
    def __init__(self, root: str, run: Run) -> None:
        self._root, self._run = root, run

    def process(self, element: tuple[None, Iterable[str]]) -> Iterator[tuple[str, int]]:
        job, number = self._run.job, self._run.number
        before = stored_token(self._root, job)
        if before is not None and before > number:
            raise Conflict(
                f"{self._root}: run {before} of {job} has committed, and this is run {number}; number runs upwards"
            )
        adds = [Added.from_json(text) for text in element[1] if text]
        done = commit_once(self._root, [Token(job, number, before)], adds, info={"job": job})
        if not done.fresh:
            Metrics.counter("write_delta", "repeated").inc()
        yield self._root, sum(added.rows for added in adds) if done.fresh else 0
