"""The streamed matrix is the one XGBoost would build from all rows at once."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xgboost as xgb

from headrace.lake.snapshot import RowGroup
from headrace.learn.boosting import boost, gains
from headrace.learn.examples import LABEL
from headrace.learn.matrix import RowGroupIter, quantile_matrix
from headrace.spec.model import Train

STORED = pa.schema([("x", pa.float32()), ("weather__temp", pa.float32())])


def _features(rows):
    return rows.select(STORED.names)


@pytest.fixture
def share(tmp_path):
    """Five row groups of 200 examples."""
    random = np.random.default_rng(5)
    x = random.normal(size=1000).astype("f4")
    label = (x + random.normal(size=1000) > 0).astype("f4")
    x[::9] = np.nan
    path = str(tmp_path / "part.parquet")
    rows = pa.table({LABEL: label, "weather__temp": random.normal(size=1000).astype("f4"), "x": x})
    pq.write_table(rows, path, row_group_size=200)
    return [RowGroup(path, number, 200) for number in range(5)]


def _train(train, valid, **settings):
    return boost(train, valid, Train(objective="binary:logistic", rounds=20, **settings), threads=1)


@pytest.mark.parametrize("keep", [0, 10_000, 10**9])
def test_streaming_gives_the_model_of_one_block(share, keep):
    """Kept in memory, read again, or partly both: the same model bytes as from one table."""
    blocks = xgb.QuantileDMatrix(RowGroupIter(share, _features, STORED, keep), max_bin=64, nthread=1)
    table = pq.read_table(share[0].path)
    whole = xgb.QuantileDMatrix(
        table.select(STORED.names),
        table.column(LABEL).to_numpy(),
        max_bin=64,
        nthread=1,
    )
    booster = {"max_bin": "64"}

    assert _train(blocks, blocks, booster=booster).model == _train(whole, whole, booster=booster).model


def test_a_share_of_nothing_has_the_columns_and_no_rows(share):
    """A worker without row groups can still take part in building the matrix."""
    some = quantile_matrix(share, _features, STORED, max_bin=256, threads=1)
    none = quantile_matrix([], _features, STORED, max_bin=256, threads=1, cuts_of=some)

    assert (none.num_row(), none.num_col()) == (0, 2)


def test_early_stopping_keeps_the_best_rounds_only(share):
    """The kept rounds end at the lowest valid logloss, all run rounds stand in the curve."""
    train = quantile_matrix(share[:3], _features, STORED, max_bin=256, threads=1)
    valid = quantile_matrix(share[3:], _features, STORED, max_bin=256, threads=1, cuts_of=train)
    heard = []
    settings = Train(objective="binary:logistic", rounds=200, stop_after=3)
    found = boost(train, valid, settings, threads=1, on_round=lambda *figures: heard.append(figures))
    booster = xgb.Booster(model_file=bytearray(found.model))

    assert found.rounds == booster.num_boosted_rounds() == int(np.argmin(found.valid_logloss)) + 1
    assert len(found.valid_logloss) == found.rounds + 3
    assert heard[-1] == (len(heard), found.train_logloss[-1], found.valid_logloss[-1])
    assert [gain.feature for gain in gains(found.model, STORED.names)] == ["x", "weather__temp"]
