"""Feature rows + labels → examples: the frozen training set of a model, split into windows.

spark-submit jobs/build_examples.py --config conf/flights/late.yaml [--place FILE]
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from headrace import entry, storage
from headrace.entry import Call
from headrace.failures import DataFailure
from headrace.features.built import open_features
from headrace.features.due import PREDICT_AT
from headrace.features.feature_set import FeatureSpec
from headrace.features.features_table import features_schema
from headrace.lake.at_work import at_work
from headrace.lake.commit import Committed, Token, commit_once, last_info, stored_token
from headrace.lake.data_files import Added
from headrace.lake.layout import DataSetFolder, ModelFolder
from headrace.lake.reading import read_groups
from headrace.lake.snapshot import Snapshot, open_snapshot, row_groups
from headrace.lake.tables import create_table
from headrace.learn.example_files import (
    FOUND,
    PART,
    PARTS,
    ROW,
    ExampleFiles,
    Part,
    Placement,
    WindowRows,
    count_windows,
    cutoffs,
)
from headrace.learn.examples import HASH, LABEL, WINDOW, WINDOWS, Layout, settings_of
from headrace.learn.labels import KNOWN, Labels, key_of
from headrace.learn.shares import Share, balance
from headrace.learn.windows import Windows
from headrace.spec.model import Model
from headrace.spec.project import Project, load_model
from jobs.cluster.preflight import preflight
from jobs.cluster.session import session
from jobs.cluster.tasks import collected, mapped, per_part, slots

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_COUNTS = pa.schema([("window", pa.int32()), ("rows", pa.int64()), ("first", pa.timestamp("us", "UTC"))])


@dataclass(frozen=True)
class Inputs:
    """What is read, at pinned versions, and what makes examples of it."""

    features: Snapshot
    columns: pa.Schema  # of the features, as the model file wants them
    events: Snapshot  # of the data set the label comes from
    labels: Labels
    windows: Windows
    by: str  # the column whose windows these are
    key: tuple[str, ...]


def build_examples(call: Call) -> dict[str, Any]:
    """Bring the examples up to date with features and labels; the second time there is nothing to do.

    The table is replaced in one commit: a reader sees the old examples or the new.

    Raises:
        DataFailure: the features are of other project files, a key has several labels, or a label is
            neither 0 nor 1.
    """
    project, model = load_model(call.config)
    spec = FeatureSpec.compile(project, model.model)
    preflight(call.place, delta=True)
    folder = ModelFolder(call.place.roots.lake, project.name, model.model)
    inputs = open_inputs(project, model, spec, folder)
    made_from = _made_from(model, spec, inputs)
    title = f"examples of {model.model}"
    with at_work(folder.root):
        before = last_info(folder.examples) or {}
        if before.get("made_from") == made_from:
            return {"model": model.model, "nothing_to_do": True, "version": before["version"]}
        call.progress.step(title, features=inputs.features.version, labels=inputs.events.version)
        with session(call.place.spark, title, delta=True, tell=call.progress.step) as spark:
            counts = count(spark, inputs)
            call.progress.step(title, rows=sum(window.rows for window in counts))
            placement = Placement(inputs.windows, inputs.by, inputs.key, tuple(Layout.of(w.rows) for w in counts))
            schema = pa.schema([(HASH, pa.int64()), (LABEL, pa.float32()), *inputs.columns])
            stored = schema.append(pa.field(WINDOW, pa.string()))
            app = f"{model.model}/examples/{create_table(folder.examples, stored, partition_by=[WINDOW])}"
            files = ExampleFiles(
                root=storage.absolute(folder.examples),
                schema=schema,
                parts=placement.parts,
                key=inputs.labels.on,
                cutoffs=dict(zip(WINDOWS, cutoffs(counts), strict=True)),
            )
            parts = write(join(spark, inputs, placement), files)
        windows = _account(parts, inputs)
        prove_closed(model.model, counts, windows)
        done = commit(folder.examples, app, parts, {"made_from": made_from, "windows": windows})
        sums = {key: sum(w[key] for w in windows.values()) for key in ("unlabeled", "known_late")}
        rows = {name: window["rows"] for name, window in windows.items()}
        return {"model": model.model, "version": done.version, **rows, **sums, "windows": windows}


def count(spark: SparkSession, inputs: Inputs) -> tuple[WindowRows, ...]:
    """How many feature rows each window has, and when its first prediction was due."""
    columns = list(dict.fromkeys((inputs.by, PREDICT_AT.name)))

    def task(share: Share) -> Iterator[pa.RecordBatch]:
        for rows in read_groups(share, columns):
            found = count_windows(rows, inputs.windows, inputs.by)
            counted = [{"window": number, **window._asdict()} for number, window in enumerate(found)]
            yield pa.RecordBatch.from_pylist(counted, _COUNTS)

    shares = [share for share in balance(row_groups(inputs.features.files), slots(spark)) if share]
    summed = per_part(spark, shares, task, _COUNTS).group_by("window").aggregate([("rows", "sum"), ("first", "min")])
    found = {row["window"]: WindowRows(row["rows_sum"], row["first_min"]) for row in summed.to_pylist()}
    return tuple(found.get(number, WindowRows(0, None)) for number in range(len(WINDOWS)))


def join(spark: SparkSession, inputs: Inputs, placement: Placement) -> DataFrame:
    """Feature rows of the windows with their labels; each part is together, in the order of its hashes.

    A row without a label keeps null; several labels of one key do not multiply it, they are counted.
    """
    from pyspark.sql import functions as sf  # noqa: PLC0415  # Spark is loaded when there is work

    placed = mapped(
        _read(spark, inputs.features, inputs.columns.names),
        lambda batches: map(placement, batches),
        placement.schema(inputs.columns),
    )
    labeled = mapped(
        _read(spark, inputs.events, inputs.labels.columns),
        lambda batches: map(inputs.labels, batches),
        inputs.labels.schema(inputs.events.schema),
    )
    one_each = labeled.groupBy(*map(_quoted, inputs.labels.on)).agg(
        sf.count(sf.lit(1)).alias(FOUND), sf.max(LABEL).alias(LABEL), sf.max(KNOWN).alias(KNOWN)
    )
    joined = placed.join(one_each, list(inputs.labels.on), "left")
    return joined.repartitionById(len(placement.parts), sf.col(PART)).sortWithinPartitions(PART, HASH, ROW)


def write(rows: DataFrame, files: ExampleFiles) -> list[Part]:
    """The accounts of the files that the tasks wrote; nothing is visible before they are committed."""

    def task(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for part in files(batches):
            yield pa.RecordBatch.from_pylist([part._asdict()], PARTS)

    return [Part(**row) for row in collected(mapped(rows, task, PARTS), PARTS).to_pylist()]


def open_inputs(project: Project, model: Model, spec: FeatureSpec, folder: ModelFolder) -> Inputs:
    """The newest features and labels.

    Raises:
        DataFailure: one of the tables is not there, or the features are of other project files.
    """
    columns = features_schema(model, project, spec)
    features = open_features(folder.features, spec, project.models[model.model].file, columns.names).snapshot
    return Inputs(
        features=features,
        columns=columns,
        events=open_snapshot(DataSetFolder(folder.lake, project.name, model.label.from_).events),
        labels=Labels.of(model, project),
        windows=Windows.of(model.split),
        by=model.split.by,
        key=key_of(model, project),
    )


def commit(root: str, app: str, parts: Sequence[Part], info: Mapping[str, Any]) -> Committed:
    """Put the files in the place of all that were there, in one commit."""
    stored = stored_token(root, app)
    adds = [Added.from_json(part.added) for part in parts if part.added]
    token = Token(app, 0 if stored is None else stored + 1, stored)
    return commit_once(root, [token], adds, info=info, replace={})


def prove_closed(model: str, counts: Sequence[WindowRows], windows: Mapping[str, Mapping[str, Any]]) -> None:
    """Every feature row of a window is an example, has no label, or has one known too late.

    Raises:
        DataFailure: rows were lost or doubled on the way through the join; nothing may be committed.
    """
    for name, counted in zip(WINDOWS, counts, strict=True):
        found = sum(windows.get(name, {}).get(key, 0) for key in ("rows", "unlabeled", "known_late"))
        if name in windows and found != counted.rows:
            raise DataFailure(
                f"examples of {model}: window {name} has {counted.rows:,} feature rows, but {found:,} came out of the "
                "join with their labels; nothing was committed. Run again; if it stays, report it"
            )


def _account(parts: Sequence[Part], inputs: Inputs) -> dict[str, dict[str, Any]]:
    """Per window its bounds, counts and the digest of its content, which no layout changes."""
    if repeated := [key for part in parts for key in part.repeated]:
        raise DataFailure(
            f"{inputs.events.root}: several rows with one key, so an example would have several labels, e.g. "
            f"{'; '.join(repeated[:3])}. Name a key that is unique in the data set of the label, or remove the repeats"
        )
    found: dict[str, dict[str, Any]] = {}
    for name, bounds in zip(WINDOWS, inputs.windows.bounds, strict=True):
        if bounds is None:
            continue
        own = [part for part in parts if part.window == name]
        found[name] = {
            "from": bounds.start.isoformat(),
            "to": bounds.end.isoformat(),
            "rows": sum(part.examples for part in own),
            "positives": sum(part.positives for part in own),
            "unlabeled": sum(part.unlabeled for part in own),
            "known_late": sum(part.known_late for part in own),
            "digest": f"{sum(int(part.digest, 16) for part in own) % (1 << 64):016x}",
        }
    return found


def _made_from(model: Model, spec: FeatureSpec, inputs: Inputs) -> dict[str, Any]:
    """What decides the examples: while it is the same, there is nothing to do."""
    return {
        "format": 1,
        "inputs": {
            "features": inputs.features.pinned(),
            "labels": inputs.events.pinned(),
        },
        "columns": inputs.columns.names,
        **settings_of(model, spec.digest),
    }


def _read(spark: SparkSession, table: Snapshot, columns: Sequence[str]) -> DataFrame:
    pinned = spark.read.format("delta").option("versionAsOf", table.version).load(storage.absolute(table.root))
    return pinned.select(*map(_quoted, columns))


def _quoted(name: str) -> str:
    return f"`{name}`"


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    return entry.run(build_examples, argv, prog="python -m jobs.build_examples", about=__doc__.splitlines()[0])


if __name__ == "__main__":
    sys.exit(main())
