"""Live bundle + examples → exact metrics, whole and by slice, on the valid and test windows.

spark-submit jobs/evaluate.py --config conf/flights/late.yaml [--place FILE]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from headrace import entry
from headrace.entry import Call
from headrace.features.feature_set import FeatureSpec
from headrace.lake import storage
from headrace.lake.layout import ModelFolder
from headrace.lake.reading import read_groups
from headrace.lake.snapshot import RowGroup
from headrace.learn.bundle import Bundle, json_bytes
from headrace.learn.evaluation import evaluation
from headrace.learn.examples import LABEL, Examples, open_examples
from headrace.learn.score_counts import ScoreCounts
from headrace.learn.scoring import Scorer
from headrace.learn.shares import Share, balance
from headrace.learn.slices import SliceCounts, count_slices, merge_slices
from headrace.spec.model import Model
from headrace.spec.project import load_model
from jobs.cluster.preflight import preflight
from jobs.cluster.session import session
from jobs.cluster.tasks import per_part, slots

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_WINDOWS = ("valid", "test")
_COUNTED = pa.schema(
    [
        ("window", pa.string()),
        ("column", pa.string()),
        ("value", pa.string()),
        ("scores", pa.list_(pa.float32())),
        ("positives", pa.list_(pa.int64())),
        ("negatives", pa.list_(pa.int64())),
    ]
)


class WindowShare(NamedTuple):
    """What one task counts."""

    window: str
    share: Share


@dataclass(frozen=True)
class CountScores:
    """Scores the examples of a share and counts them, whole and by slice. Picklable."""

    scorer: Scorer
    slices: tuple[str, ...]

    def __call__(self, part: WindowShare) -> Iterator[pa.RecordBatch]:
        """One row per slice value, with its counts per distinct score."""
        columns = list(dict.fromkeys([LABEL, *self.slices, *self.scorer.stored]))
        blocks = read_groups(part.share, columns)
        for (column, value), counts in merge_slices(self._count(rows) for rows in blocks).items():
            arrays = (counts.scores, counts.positives, counts.negatives)
            row = [part.window, column, value, *arrays]
            yield pa.RecordBatch.from_arrays(
                [pa.array([cell], field.type) for cell, field in zip(row, _COUNTED, strict=True)], schema=_COUNTED
            )

    def _count(self, rows: pa.RecordBatch) -> SliceCounts:
        labels = rows.column(LABEL).to_numpy()
        return count_slices(self.scorer(rows), labels, {name: rows.column(name) for name in self.slices})


def evaluate(call: Call) -> dict[str, Any]:
    """Write `<reports>/<model>.evaluation.json`: exact over all examples of valid and test.

    The file appears in one step. Run twice there is nothing to do.

    Raises:
        DataFailure: no bundle is live, or bundle or examples are of other project files.
    """
    project, model = load_model(call.config)
    spec = FeatureSpec.compile(project.models[model.model], project)
    preflight(call.place)
    folder = ModelFolder(call.place.roots.lake, project.name, model.model)
    scorer = Scorer.live(storage.join(call.place.roots.models, model.model), spec, call.config)
    bundle = scorer.bundle
    examples = open_examples(folder.examples, model, spec.digest, call.config)
    source = _made_from(bundle, examples, model)
    path = storage.join(call.place.roots.reports, f"{model.model}.evaluation.json")
    if _already(path, source):
        return {"model": model.model, "nothing_to_do": True, "path": path}
    groups = {name: examples.groups(name) for name in _WINDOWS if name in examples.windows}
    rows = {name: sum(group.rows for group in found) for name, found in groups.items()}
    call.progress.step(f"evaluating {model.model}", bundle=bundle.id, **rows)
    for name in [name for name, number in rows.items() if not number]:
        call.progress.step(f"the {name} window has no examples yet", unlabeled=examples.windows[name]["unlabeled"])
    with session(call.place.spark, f"evaluating {model.model}") as spark:
        counts = count_scores(spark, groups, CountScores(scorer, model.evaluate.slices))
    found = evaluation(counts, examples.windows, model.evaluate.threshold, bundle, source, _now())
    storage.put(path, json_bytes(found))
    aucs = {f"{name}_auc": window["auc"] for name, window in found["windows"].items()}
    return {"model": model.model, "bundle": bundle.id, **aucs, "threshold": found["threshold"]["value"], "path": path}


def count_scores(
    spark: SparkSession, groups: Mapping[str, Sequence[RowGroup]], count: CountScores
) -> dict[str, SliceCounts]:
    """The counts of every window, merged from those of the tasks."""
    parts = [
        WindowShare(name, share) for name, found in groups.items() for share in balance(found, slots(spark)) if share
    ]
    counted: dict[str, list[SliceCounts]] = {name: [] for name in groups}
    for row in _rows(per_part(spark, parts, count, _COUNTED)):
        counted[row.window].append({(row.column, row.value): row.counts})
    return {name: merge_slices(found) for name, found in counted.items()}


class _Row(NamedTuple):
    window: str
    column: str
    value: str | None
    counts: ScoreCounts


def _rows(table: pa.Table) -> Iterator[_Row]:
    for batch in table.to_batches():
        window, column, value, scores, positives, negatives = batch.columns
        for at in range(len(batch)):
            arrays = (each[at].values.to_numpy(zero_copy_only=False) for each in (scores, positives, negatives))
            yield _Row(window[at].as_py(), column[at].as_py(), value[at].as_py(), ScoreCounts(*map(np.array, arrays)))


def _made_from(bundle: Bundle, examples: Examples, model: Model) -> dict[str, Any]:
    return {
        "bundle": bundle.id,
        "examples": examples.snapshot.pinned(),
        "evaluate": model.evaluate.model_dump(mode="json"),
    }


def _already(path: str, source: Mapping[str, Any]) -> bool:
    try:
        return bool(json.loads(storage.read(path) or b"{}").get("made_from") == source)
    except ValueError:
        return False  # somebody's edit: written anew


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    return entry.run(evaluate, argv, prog="python -m jobs.evaluate", about=__doc__.splitlines()[0])


if __name__ == "__main__":
    sys.exit(main())
