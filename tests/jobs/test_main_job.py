"""Examples, training, scoring and evaluation of a small project, checked against plain XGBoost."""

import json
import shutil
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xgboost as xgb
from deltalake import DeltaTable

from headrace.failures import DataFailure
from headrace.features.feature_set import FeatureSet, FeatureSpec
from headrace.lake.snapshot import open_snapshot
from headrace.learn.boosting import parameters
from headrace.learn.examples import LABEL, WINDOW
from headrace.learn.shares import balance
from headrace.spec.project import load_model
from jobs import build_examples, score
from lib.parcels import MODEL, ROWS, Shop, orders, returns, version

TABLES = ("features", "examples", "scores")


def _read(root, **partition):
    """A table as it stands, read by nothing of ours."""
    files = [file for file in open_snapshot(root).files if file.partition == partition]
    return pa.concat_tables([pq.read_table(file.path) for file in files])


def _scored(shop):
    """The ids that the live bundle has scored."""
    files = open_snapshot(shop.model.scores).files
    assert {file.partition["bundle"] for file in files} <= {(shop.models / "current").read_text().strip()}
    return sorted(n for file in files for n in pq.read_table(file.path).column("id").to_pylist())


def _features(shop, window):
    """Feature matrix and labels of a window, in one block."""
    project, model = load_model(shop.config)
    spec = FeatureSpec.compile(project, model.model)
    bundle = json.loads((shop.models / (shop.models / "current").read_text().strip() / "features.json").read_text())
    rows = _read(shop.model.examples, **{WINDOW: window}).combine_chunks()
    matrix = FeatureSet.load(spec, bundle["state"])(rows.to_batches()[0])
    return pa.Table.from_batches([matrix]), rows.column(LABEL).to_numpy()


def _auc(scores, labels):
    positive, negative = scores[labels == 1], scores[labels == 0]
    return ((positive[:, None] > negative) + (positive[:, None] == negative) / 2).mean()


@pytest.fixture(scope="module")
def trained(tmp_path_factory, spark):
    """A shop after all four jobs. Only to be read."""
    shop = Shop(tmp_path_factory.mktemp("trained"))
    shop.build_features(orders())
    shop.deliver(returns())
    shop.summaries = [shop.build_examples(), shop.train(), shop.evaluate(), shop.score()]
    return shop


def test_a_second_run_finds_nothing_to_do(trained):
    """Each job did its work once; again, it says so and makes no new version of any table."""
    versions = [version(getattr(trained.model, name)) for name in TABLES]
    again = [trained.build_examples(), trained.train(), trained.evaluate(), trained.score()]

    assert not any(summary.get("nothing_to_do") for summary in trained.summaries)
    assert all(summary["nothing_to_do"] for summary in again)
    assert [version(getattr(trained.model, name)) for name in TABLES] == versions


def test_every_feature_row_is_an_example_or_counted(trained):
    """Per window, examples, rows without a label and labels that came late add up to the rows there are."""
    windows = trained.summaries[0]["windows"]
    examples = open_snapshot(trained.model.examples)
    answers = returns().filter(returns().column("returned").is_valid()).to_pylist()[: 60 * 24]
    late = sum(row["id"] < 60 * 24 and row["closed"] >= datetime(2024, 3, 1, tzinfo=UTC) for row in answers)
    month = {name: sum(windows[name][key] for key in ("rows", "unlabeled", "known_late")) for name in windows}

    assert month == {"train": 60 * 24, "valid": 31 * 24, "test": 29 * 24}  # 2,880 orders end with 29 April
    assert windows["train"]["known_late"] == late
    assert windows["test"]["known_late"] == 0
    assert examples.rows == sum(window["rows"] for window in windows.values())


def test_examples_stand_in_the_order_of_their_hashes(trained):
    """Every file is sorted by hash, and its row groups are equally long but for the last."""
    for file in open_snapshot(trained.model.examples).files:
        parquet = pq.ParquetFile(file.path)
        sizes = [parquet.metadata.row_group(n).num_rows for n in range(parquet.num_row_groups)]
        hashes = parquet.read(["_hash"]).column("_hash").to_numpy()

        assert (np.diff(hashes) > 0).all()
        assert set(sizes[:-1]) <= {64}
        assert sizes[-1] <= 64


def test_the_trained_model_is_as_good_as_a_single_process(trained):
    """AUC on valid and test within 0.003 of plain XGBoost on the same matrix, same settings."""
    matrix, labels = _features(trained, "train")
    valid, valid_labels = _features(trained, "valid")
    settings = load_model(trained.config)[1].train
    cuts = xgb.QuantileDMatrix(matrix, labels)
    single = xgb.train(
        parameters(settings, 2),
        cuts,
        settings.rounds,
        evals=[(xgb.QuantileDMatrix(valid, valid_labels, ref=cuts), "valid")],
        early_stopping_rounds=settings.stop_after,
        verbose_eval=False,
    )
    single = single[: single.best_iteration + 1]
    found = json.loads((trained.folder / "reports" / "returns_soon.evaluation.json").read_text())["windows"]

    for window in ("valid", "test"):
        features, answers = _features(trained, window)
        assert found[window]["auc"] == pytest.approx(_auc(single.inplace_predict(features), answers), abs=0.003)


def test_scores_are_those_of_the_bundle_for_every_due_row(trained):
    """Rows since April have one score each, bit-equal to one call of XGBoost on all of them."""
    scores = _read(trained.model.scores, bundle=trained.summaries[1]["bundle"]).sort_by("id")
    project, model = load_model(trained.config)
    spec = FeatureSpec.compile(project, model.model)
    bundle = trained.models / trained.summaries[1]["bundle"]
    state = json.loads((bundle / "features.json").read_text())["state"]
    rows = orders().slice(91 * 24)
    booster = xgb.Booster(model_file=str(bundle / "model.json"))
    matrix = FeatureSet.load(spec, state)(spec.store(rows))

    assert open_snapshot(trained.model.scores).schema.names == [
        *("id", "predict_at", "score", "bundle", "features_version", "scored_at")
    ]
    assert scores.column("id").to_pylist() == rows.column("id").to_pylist()
    assert scores.column("predict_at").to_pylist() == rows.column("placed").to_pylist()
    assert (
        scores.column("score").to_numpy().tolist() == booster.inplace_predict(pa.Table.from_batches([matrix])).tolist()
    )
    assert set(scores.column("features_version").to_pylist()) == {version(trained.model.features)}


def test_the_evaluation_is_that_of_the_examples(trained):
    """AUC by brute force over all pairs, slices that add up, a threshold that is one of valid's scores."""
    report = json.loads((trained.folder / "reports" / "returns_soon.evaluation.json").read_text())
    matrix, labels = _features(trained, "test")
    bundle = trained.models / report["bundle"]["id"]
    scores = xgb.Booster(model_file=str(bundle / "model.json")).inplace_predict(matrix)
    test = report["windows"]["test"]

    assert test["auc"] == pytest.approx(_auc(scores, labels), abs=1e-12)
    assert test["rows"] == len(labels)
    assert {each["value"]: each["rows"] for each in test["slices"]["shop"]["values"]}.keys() == {
        "north",
        "south",
        "west",
    }
    assert sum(each["rows"] for each in test["slices"]["shop"]["values"]) == test["rows"]
    assert test["confusion"]["true_positive"] == ((scores >= report["threshold"]["value"]) & (labels == 1)).sum()
    assert report["examples"]["version"] == version(trained.model.examples)


def test_the_card_says_what_decided_the_model(trained):
    """Tables and versions, content digests, settings, shares and curve stand on it; its text tells them too."""
    bundle = trained.models / trained.summaries[1]["bundle"]
    card = json.loads((bundle / "card.json").read_text())
    windows = trained.summaries[0]["windows"]

    assert card["tables"]["examples"]["version"] == version(trained.model.examples)
    assert {"features", "labels"} <= card["tables"].keys()
    assert card["made_from"]["content"]["train"]["digest"] == windows["train"]["digest"]
    assert card["made_from"]["train"]["booster"]["eta"] == 0.3
    assert sum(worker["train"]["rows"] for worker in card["workers"]) == windows["train"]["rows"]
    assert len(card["curve"]["valid_logloss"]) == card["rounds"]["run"]
    assert {gain["feature"] for gain in card["importance"]} == {"hour", "amount", "amount__missing", "shop"}
    assert windows["valid"]["digest"] in (bundle / "card.md").read_text()


def test_the_layout_of_the_input_changes_nothing(trained, tmp_path):
    """Other files, in another order, in another lake: equal examples and equal model bytes."""
    other = Shop(tmp_path)
    other.build_features(orders(), files=7)
    other.deliver(returns(), files=3)

    assert other.build_examples()["windows"] == trained.summaries[0]["windows"]
    assert other.train()["digest"] == trained.summaries[1]["digest"]
    assert other.model_bytes() == trained.model_bytes()


def test_outcomes_that_arrive_later_are_evaluated_and_rewrite_no_feature(tmp_path, spark):
    """Trained before April is known: its rows are scored; once it is known, it is evaluated and nothing is trained."""
    shop = Shop(tmp_path)
    shop.build_features(orders())
    shop.deliver(returns().slice(0, 91 * 24))
    shop.build_examples()
    bundle = shop.train()["bundle"]
    first = shop.evaluate()
    scored = shop.score()["rows"]
    shop.deliver(returns().slice(91 * 24))
    shop.build_examples()

    assert first["test_auc"] is None
    assert scored == 29 * 24
    assert shop.train() == {"model": "returns_soon", "nothing_to_do": True, "bundle": bundle}
    assert shop.evaluate()["test_auc"] > 0.6
    assert version(shop.model.features) == 1


def test_only_new_rows_are_scored(tmp_path, spark):
    """Features that arrive after a run are scored in the next, in one commit, and no row twice."""
    shop = Shop(tmp_path)
    shop.build_features(orders(2700))
    shop.deliver(returns())
    shop.build_examples()
    shop.train()
    first = shop.score()["rows"]
    shop.build_features(orders().slice(2700))
    second = shop.score()

    assert (first, second["rows"]) == (2700 - 91 * 24, 180)
    assert second["version"] == version(shop.model.scores)
    ids = _scored(shop)
    assert len(ids) == len(set(ids)) == 29 * 24


def test_features_made_anew_are_scored_anew(tmp_path, spark):
    """Scores of the old rows give way to those of the new, also where the spec went there and back again."""
    shop = Shop(tmp_path)
    shop.build_features(orders())
    shop.deliver(returns())
    shop.build_examples()
    shop.train()
    shop.score()
    shop.build_features(orders(2700), generation=1)

    assert shop.score()["rows"] == 2700 - 91 * 24
    assert _scored(shop) == list(range(91 * 24, 2700))
    assert shop.score()["nothing_to_do"]
    shop.build_features(orders(60), generation=2)
    assert shop.score()["rows"] == 0
    assert not _scored(shop)


def test_an_earlier_since_scores_what_it_adds(tmp_path, spark):
    """Rows that the model file asks for later are scored, once; a later since takes nothing away."""
    shop = Shop(tmp_path)
    shop.build_features(orders())
    shop.deliver(returns())
    shop.build_examples()
    shop.train()
    shop.score()
    shop.model_text = MODEL.replace("since: 2024-04-01", "since: 2024-03-01")
    shop.score()
    assert _scored(shop) == list(range(60 * 24, ROWS))
    shop.model_text = MODEL
    assert shop.score()["nothing_to_do"]
    assert _scored(shop) == list(range(60 * 24, ROWS))


def test_rows_lost_on_the_way_to_the_scorer_stop_the_commit(tmp_path, spark, monkeypatch):
    """Tasks that read fewer rows than the table has commit no score."""
    shop = Shop(tmp_path)
    shop.build_features(orders())
    shop.deliver(returns())
    shop.build_examples()
    shop.train()
    monkeypatch.setattr(score, "balance", lambda groups, slots: balance(groups[1:], slots))

    with pytest.raises(DataFailure, match="feature rows were to be scored, 0 arrived"):
        shop.score()
    assert not open_snapshot(shop.model.scores).files


@pytest.mark.parametrize("spoil", [lambda rows: rows.limit(10), lambda rows: rows.union(rows)])
def test_rows_lost_or_doubled_in_the_join_stop_the_commit(shop, monkeypatch, spoil):
    """The examples have an account of their own: it does not close, and nothing is committed."""
    real = build_examples.join
    monkeypatch.setattr(build_examples, "join", lambda *args: spoil(real(*args)))
    with pytest.raises(DataFailure, match="came out of the join"):
        shop.build_examples()
    assert not open_snapshot(shop.model.examples).files


def test_several_labels_of_one_key_are_refused_by_name(shop):
    """The row is not multiplied: the job fails, names the key and commits nothing."""
    shop.deliver(returns().slice(100, 1))

    with pytest.raises(DataFailure, match=r"several rows with one key.*id 100"):
        shop.build_examples()
    assert not open_snapshot(shop.model.examples).files


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[2024-03-01, 2024-04-01]", "[2024-03-01T00:10, 2024-03-01T00:20]"), r"valid window .* has no examples"),
        (("value: returned", "value: returned is null and returned is not null"), r"all 1410 labels of the train .* 0"),
    ],
)
def test_what_cannot_be_learned_is_said(shop, change, message):
    """An empty window and a label of one class are refused by name, before anything is trained."""
    shop.model_text = MODEL.replace(*change)
    shop.build_examples()

    with pytest.raises(DataFailure, match=message):
        shop.train()


def test_a_compaction_of_the_examples_changes_no_model(trained, tmp_path):
    """Training reads the examples as they were written: the same bytes, also with subsampling."""
    shop = Shop(tmp_path / "copy", model_text=MODEL.replace("eta: 0.3", "eta: 0.3, subsample: 0.7"))
    shutil.copytree(trained.folder, shop.folder)
    shop.train()
    before = shop.model_bytes()
    DeltaTable(shop.model.examples).optimize.compact()
    shop.train(force=True)
    assert shop.model_bytes() == before


def test_half_a_bundle_is_named_and_cured(trained, tmp_path):
    """Scoring refuses it and names the file; training with --force replaces it."""
    shutil.copytree(trained.folder, tmp_path / "copy")
    shop = Shop(tmp_path / "copy")
    (shop.models / trained.summaries[1]["bundle"] / "model.json").unlink()

    with pytest.raises(DataFailure, match=r"half a bundle: model\.json is missing.*--force"):
        shop.score()
    assert shop.train(force=True)["digest"] == trained.summaries[1]["digest"]
    assert shop.score()["nothing_to_do"]


def test_changed_project_files_are_told_apart(trained, tmp_path):
    """Features of another spec are refused with the step that mends it; so is a bundle of another spec."""
    shop = Shop(trained.folder, model_text=MODEL.replace("of: shop", "of: upper(shop)"))

    for job in (shop.build_examples, shop.train, shop.evaluate, shop.score):
        with pytest.raises(DataFailure, match=r"other project files|with another spec"):
            job()
