"""Counting scores by slice: in files, so that the driver's JVM carries no more for many rows than for few."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.lake.snapshot import RowGroup
from headrace.learn.examples import LABEL
from headrace.learn.metrics import auc
from headrace.learn.score_counts import ScoreCounts
from jobs import evaluate
from jobs.evaluate import CountScores, count_scores

CARRIERS = ("AA", "B6", None)


@dataclass(frozen=True)
class Stored:
    """A scorer whose scores stand in the examples."""

    stored: tuple[str, ...] = ("chance",)

    def __call__(self, rows):
        """As `Scorer`."""
        return rows.column("chance").to_numpy()


@pytest.fixture
def sent(monkeypatch):
    """The bytes that went through Spark, run by run."""
    found, per_part = [], evaluate.per_part

    def weighed(*arguments):
        table = per_part(*arguments)
        found.append(table.nbytes)
        return table

    monkeypatch.setattr(evaluate, "per_part", weighed)
    return found


def _examples(folder, rows):
    """A file of two row groups, all scores different."""
    chance = np.random.default_rng(5).permutation(rows).astype(np.float32) / rows
    labels = (np.random.default_rng(6).random(rows) < chance).astype(np.float32)
    carrier = pa.array(CARRIERS).take(pa.array(np.arange(rows) % 3))
    path = str(folder / f"{rows}.parquet")
    pq.write_table(
        pa.table({"chance": chance, LABEL: labels, "carrier": carrier}), path, rows // 2, write_page_checksum=True
    )
    return chance, labels, [RowGroup(path, number, rows // 2) for number in (0, 1)]


def test_counts_are_exact_and_do_not_pass_through_spark(tmp_path, spark, sent):
    """A hundred times the rows send the same few names, and every metric is that of all rows in one array."""
    for rows, together in ((600, 200), (60_000, 20_000)):
        scores, labels, groups = _examples(tmp_path, rows)
        count = CountScores(Stored(), ("carrier",), str(tmp_path), together)
        found = count_scores(spark, {"valid": groups[:0], "test": groups}, count)

        assert found["valid"].whole().rows == 0
        assert auc(found["test"].whole()) == auc(ScoreCounts.of(scores, labels))
        for carrier, counts in found["test"].largest("carrier", 9):
            own = np.arange(rows) % 3 == CARRIERS.index(carrier)
            assert auc(counts) == auc(ScoreCounts.of(scores[own], labels[own]))
    assert sent[0] == sent[1] < 1000
