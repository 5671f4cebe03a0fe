"""Due feature rows → scores: what the live bundle has not scored yet, in one commit.

spark-submit jobs/score.py --config conf/flights/late.yaml [--place FILE]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace import entry, storage
from headrace.entry import Call
from headrace.failures import DataFailure
from headrace.features.built import open_features
from headrace.features.due import PREDICT_AT
from headrace.features.feature_set import FeatureSpec
from headrace.lake.at_work import at_work
from headrace.lake.changes import added_between
from headrace.lake.commit import Token, commit_once, digest_version, stored_token
from headrace.lake.data_files import Added, DataFileWriter
from headrace.lake.layout import ModelFolder
from headrace.lake.reading import read_groups
from headrace.lake.snapshot import DataFile, RowGroup, row_groups_since
from headrace.lake.tables import create_table
from headrace.learn.labels import key_of
from headrace.learn.scoring import Scorer
from headrace.learn.shares import Share, balance
from headrace.spec.project import load_model
from headrace.spec.values import parse_instant
from jobs.cluster.preflight import preflight
from jobs.cluster.session import session
from jobs.cluster.tasks import per_part, slots

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BUNDLE = "bundle"
_FIRST = datetime.min.replace(tzinfo=UTC)  # where `since` is not given
_WRITTEN = pa.schema([("read", pa.int64()), ("added", pa.string())])
_OWN = pa.schema(
    [
        ("score", pa.float32()),
        (BUNDLE, pa.string()),
        ("features_version", pa.int64()),
        ("scored_at", pa.timestamp("us", "UTC")),
    ]
)


@dataclass(frozen=True)
class ScoreFiles:
    """Reads feature rows, scores them and writes one file per share; run twice it writes two, a commit names one.

    The bundle is a partition of the table: a generation of features that takes the
    place of another takes its scores along.
    """

    root: str
    schema: pa.Schema
    scorer: Scorer
    since: datetime  # of predict_at, UTC
    features_version: int
    scored_at: datetime

    def __call__(self, share: Share) -> Iterator[pa.RecordBatch]:
        """How many rows were read, and the add action of the file where one was written."""
        columns = dict.fromkeys([*(n for n in self.schema.names if n not in _OWN.names), *self.scorer.stored])
        read = 0
        with DataFileWriter(self.root, self.schema, partition={BUNDLE: self.scorer.bundle.id}) as file:
            for rows in read_groups(share, list(columns)):
                read += rows.num_rows
                file.write(self._scored(self._wanted(rows)))
            added = file.close()
        yield pa.RecordBatch.from_pylist([{"read": read, "added": added and added.to_json()}], _WRITTEN)

    def _wanted(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        return rows.filter(pc.greater_equal(rows.column(PREDICT_AT.name), pa.scalar(self.since, PREDICT_AT.type)))

    def _scored(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        same = {BUNDLE: self.scorer.bundle.id, "features_version": self.features_version, "scored_at": self.scored_at}
        own = {name: pa.repeat(pa.scalar(value, _OWN.field(name).type), len(rows)) for name, value in same.items()}
        own["score"] = pa.array(self.scorer(rows))
        return pa.RecordBatch.from_arrays(
            [own[name] if name in own else rows.column(name) for name in self.schema.names], schema=self.schema
        )


def score(call: Call) -> dict[str, Any]:
    """Score every due row since `score.since` that the live bundle has not scored.

    Run twice it commits once. A new bundle scores all of them anew, under its own name.
    Where the features were made anew, or `since` is earlier than it was, the bundle's
    rows are scored again, and take the place of its old scores.

    Raises:
        DataFailure: no bundle is live, it does not fit the features, or features were removed or changed.
    """
    project, model = load_model(call.config)
    spec = FeatureSpec.compile(project, model.model)
    preflight(call.place)
    folder = ModelFolder(call.place.roots.lake, project.name, model.model)
    scorer = Scorer.live(storage.join(call.place.roots.models, model.model), spec, call.config)
    bundle = scorer.bundle.id
    features, generation = open_features(folder.features, spec, call.config)
    since = parse_instant(model.score.since) if model.score.since else _FIRST
    keys = [features.schema.field(name) for name in key_of(model, project)]
    with at_work(folder.root):
        schema = pa.schema([*keys, PREDICT_AT, *_OWN])
        create_table(folder.scores, schema, partition_by=[BUNDLE])
        app = f"score/{bundle}"
        now = {
            app: features.version,
            f"{app}/source": digest_version(f"{features.table_id}/{generation}".encode()),
            f"{app}/since": (since - _FIRST) // timedelta(microseconds=1),
        }
        before = {name: stored_token(folder.scores, name) for name in now}
        anew = before[app] is not None and (
            before[f"{app}/source"] != now[f"{app}/source"] or now[f"{app}/since"] < (before[f"{app}/since"] or 0)
        )
        groups = _due(added_between(features.root, None if anew else before[app], features.version), since)
        if not (groups or anew):
            return {"model": model.model, "nothing_to_do": True, "bundle": bundle, "rows": 0}
        title = f"scoring {model.model}"
        call.progress.step(title, rows=sum(group.rows for group in groups), bundle=bundle, anew=anew)
        write = ScoreFiles(storage.absolute(folder.scores), schema, scorer, since, features.version, datetime.now(UTC))
        with session(call.place.spark, title, tell=call.progress.step) as spark:
            adds = write_scores(spark, groups, write)
        tokens = [Token(name, version, before[name]) for name, version in now.items()]
        info = {"bundle": bundle, "features": features.pinned()}
        done = commit_once(folder.scores, tokens, adds, info=info, replace={BUNDLE: bundle} if anew else None)
    return {"model": model.model, "bundle": bundle, "rows": sum(added.rows for added in adds), "version": done.version}


def write_scores(spark: SparkSession, groups: Sequence[RowGroup], write: ScoreFiles) -> list[Added]:
    """The files the tasks wrote, one per slot at most.

    Raises:
        DataFailure: they read more or fewer rows than the table has; nothing may be committed.
    """
    shares = [share for share in balance(groups, slots(spark)) if share]
    written = per_part(spark, shares, write, _WRITTEN).to_pylist()
    there, read = sum(group.rows for group in groups), sum(row["read"] for row in written)
    if read != there:
        raise DataFailure(
            f"{write.root}: {there:,} feature rows were to be scored, {read:,} arrived; nothing was committed. "
            "Run again; if it stays, report it"
        )
    return [Added.from_json(row["added"]) for row in written if row["added"]]


def _due(files: Sequence[DataFile], since: datetime) -> tuple[RowGroup, ...]:
    """The row groups that can hold a row at or after `since`."""
    reaching = (file for file in files if file.high.get(PREDICT_AT.name, since) >= since)
    return row_groups_since(reaching, PREDICT_AT.name, since)


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    return entry.run(score, argv, prog="python -m jobs.score", about=__doc__.splitlines()[0])


if __name__ == "__main__":
    sys.exit(main())
