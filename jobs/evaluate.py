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

from headrace import entry, storage
from headrace.entry import Call
from headrace.features.feature_set import FeatureSpec
from headrace.lake.layout import ModelFolder
from headrace.lake.reading import read_groups
from headrace.lake.snapshot import RowGroup
from headrace.learn.bundle import Bundle, json_bytes
from headrace.learn.evaluation import evaluation
from headrace.learn.examples import LABEL, Examples, open_examples
from headrace.learn.score_counts import Floats
from headrace.learn.scoring import Scorer
from headrace.learn.shares import Share, balance
from headrace.learn.slice_files import read_slices, write_slices
from headrace.learn.slices import SliceCounts, count_slices
from headrace.spec.model import Model
from headrace.spec.project import load_model
from jobs.cluster.preflight import preflight
from jobs.cluster.session import session
from jobs.cluster.tasks import per_part, slots

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_WINDOWS = ("valid", "test")
_COUNTED = pa.schema([("window", pa.string()), ("column", pa.string()), ("file", pa.string())])


class WindowShare(NamedTuple):
    """What one task counts."""

    window: str
    share: Share


@dataclass(frozen=True)
class CountScores:
    """Scores the examples of a share and counts them, whole and by slice, into files of a folder. Picklable."""

    scorer: Scorer
    slices: tuple[str, ...]
    folder: str
    together: int = 2_000_000  # rows that a task holds and counts at once

    def __call__(self, part: WindowShare) -> Iterator[pa.RecordBatch]:
        """Which files were written."""
        columns = list(dict.fromkeys([LABEL, *self.slices, *self.scorer.stored]))
        held: list[_Scored] = []
        for rows in read_groups(part.share, columns):
            held.append(_Scored(self.scorer(rows), rows.column(LABEL), rows.select(self.slices)))
            if sum(len(block.scores) for block in held) >= self.together:
                yield from self._counted(part.window, held)
                held.clear()
        yield from self._counted(part.window, held)

    def _counted(self, window: str, held: Sequence[_Scored]) -> Iterator[pa.RecordBatch]:
        if held:
            scores = np.concatenate([block.scores for block in held])
            labels = pa.chunked_array([block.labels for block in held]).to_numpy()
            by = pa.Table.from_batches([block.by for block in held])
            written = write_slices(
                self.folder, count_slices(scores, labels, dict(zip(self.slices, by.columns, strict=True)))
            )
            yield pa.RecordBatch.from_pylist([{"window": window, "column": c, "file": f} for c, f in written], _COUNTED)


class _Scored(NamedTuple):
    scores: Floats
    labels: pa.Array
    by: pa.RecordBatch  # the columns of the slices


def evaluate(call: Call) -> dict[str, Any]:
    """Write `<reports>/<model>.evaluation.json`: exact over all examples of valid and test.

    The file appears in one step. Run twice there is nothing to do.

    Raises:
        DataFailure: no bundle is live, or bundle or examples are of other project files.
    """
    project, model = load_model(call.config)
    spec = FeatureSpec.compile(project, model.model)
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
    with storage.scratch(storage.absolute(folder.root), "counts") as scratch:
        with session(call.place.spark, f"evaluating {model.model}", tell=call.progress.step) as spark:
            counts = count_scores(spark, groups, CountScores(scorer, model.evaluate.slices, scratch))
        found = evaluation(counts, examples.windows, model.evaluate.threshold, bundle, source, _now())
    storage.put(path, json_bytes(found))
    aucs = {f"{name}_auc": window["auc"] for name, window in found["windows"].items()}
    return {"model": model.model, "bundle": bundle.id, **aucs, "threshold": found["threshold"]["value"], "path": path}


def count_scores(
    spark: SparkSession, groups: Mapping[str, Sequence[RowGroup]], count: CountScores
) -> dict[str, SliceCounts]:
    """The counts of every window, in files that the tasks wrote: what goes through Spark does not grow with rows."""
    parts = [
        WindowShare(name, share) for name, found in groups.items() for share in balance(found, slots(spark)) if share
    ]
    files: dict[str, list[tuple[str, str]]] = {name: [] for name in groups}
    for row in per_part(spark, parts, count, _COUNTED).to_pylist():
        files[row["window"]].append((row["column"], row["file"]))
    return {name: read_slices(count.folder, written) for name, written in files.items()}


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
