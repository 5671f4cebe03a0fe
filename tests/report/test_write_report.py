"""What is written of a model agrees with the tables, and says what is not there instead of failing."""

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pytest

from headrace.lake.account_table import catch_up
from headrace.lake.accounts import Account
from headrace.lake.commit import Token, commit_once
from headrace.lake.data_files import DataFileWriter
from headrace.lake.layout import DataSetFolder, ModelFolder
from headrace.lake.snapshot import open_snapshot
from headrace.lake.tables import create_table
from headrace.learn.bundle import make_live, write_bundle
from headrace.report.write import write_report
from headrace.rows.check import QUARANTINE_SCHEMA
from headrace.spec.place import Place, Roots
from headrace.spec.project import load_model

LATE = str(Path(__file__).parents[2] / "conf/flights/late.yaml")
NOON = dt.datetime(2013, 11, 2, 12, tzinfo=dt.UTC)
CARD = {
    "model": "late",
    "created_at": "2026-01-05T10:41:07+00:00",
    "made_from": {
        "content": {"train": {"digest": "ab12"}},
        "features": "spec",
        "train": {"rounds": 2, "booster": {"eta": 0.1}},
    },
    "tables": {},
    "windows": {
        "train": {"from": "2013-01-01T00:00:00+00:00", "to": "2013-10-01T00:00:00+00:00", "rows": 8, "positives": 2}
    },
    "workers": [{"train": {"rows": 8, "row_groups": 1}}],
    "rounds": {"kept": 1, "run": 2, "asked": 2},
    "curve": {"train_logloss": [0.6, 0.5], "valid_logloss": [0.6, 0.7]},
    "importance": [{"feature": "<b>seats</b>", "gain": 2.0, "total_gain": 4.0, "splits": 2}],
    "versions": {"python": "3.12"},
}


@pytest.fixture
def place(tmp_path):
    """Roots in an empty folder."""
    return Place(roots=Roots(**{name: str(tmp_path / name) for name in ("lake", "models", "reports")}))


def commit(root, rows, info, app="test", **partition):
    """The rows in a table, in one commit that tells the info; returns the table's id."""
    table_id = create_table(root, rows.schema, partition_by=list(partition))
    version = open_snapshot(root).version
    with DataFileWriter(root, rows.schema, partition=partition) as file:
        file.write(rows)
        added = file.close()
    adds = [added] if added else []
    commit_once(root, [Token(app, version, version - 1 if version else None)], adds, info=info)
    return table_id


def ingest(place, name, plan, read, raw):
    """One plan of a data set: all rows accepted but those whose raw bytes are given."""
    folder = DataSetFolder(place.roots.lake, "flights", name)
    bad = [
        {"_file": "f.csv", "_offset": n, "raw": line, "length": len(line), "replayable": True, "reasons": ["a.regex"]}
        for n, line in enumerate(raw)
    ]
    commit(folder.quarantine, pa.RecordBatch.from_pylist(bad, QUARANTINE_SCHEMA), {})
    account = Account(
        plan, NOON.isoformat(), "contract", 1, 99, 0, read, read - len(raw), len(raw), 0, "not looked for", 0,
        {"a.regex": len(raw)} if raw else {},
    )  # fmt: skip
    times = pa.array([NOON] * account.accepted, pa.timestamp("us", tz="UTC"))
    commit(folder.events, pa.RecordBatch.from_pydict({"sched_dep": times}), {"account": account.as_info()})
    catch_up(folder)


def build_features(place, account, generation=1):
    """A build of the features, with its account."""
    rows = pa.RecordBatch.from_pydict({"predict_at": [NOON] * account["due"], "f__<script>": [0.5] * account["due"]})
    schema = pa.schema([("predict_at", pa.timestamp("us", tz="UTC")), ("f__<script>", pa.float32())])
    info = {
        "account": {"read": 9, "built": 0, "never_due": 2, **account},
        "generation": generation,
        "low_water": "2013-11-02T12:00:00+00:00",
    }
    commit(ModelFolder(place.roots.lake, "flights", "late").features, rows.cast(schema), info)


def written(place):
    """Write the report of `late`; the page and the data."""
    found = write_report(*load_model(LATE), place)
    return found, Path(found["html"]).read_text(), json.loads(Path(found["json"]).read_text())


def test_before_anything_was_run(place):
    """An empty lake gives a report that names each missing part and its cure, twice the same."""
    found, html, data = written(place)

    assert found["missing"] == [m["part"] for m in data["missing"]]
    assert found["missing"] == [
        *(f"account of {name}" for name in ("schedule", "outcomes", "weather", "planes")),
        *("features", "model", "evaluation", "scores"),
    ]
    assert f"headrace train {LATE}" in [m["cure"] for m in data["missing"]]
    assert html.count("To have it:") == 8
    assert data["windows"]["test"] == {
        "from": "2013-11-01", "to": "2014-01-01", "rows": None, "positives": None, "unlabeled": None, "known_late": None
    }  # fmt: skip
    assert written(place)[2] | {"made_at": 0} == data | {"made_at": 0}


def test_accounts_of_several_plans_are_added(place):
    """Figures are those of the accounts table, examples those of the quarantine table, times those of the events."""
    ingest(place, "schedule", 1, 5, [b"<img src=x onerror=alert(1)>\x00"])
    ingest(place, "schedule", 2, 3, [])
    _, html, data = written(place)
    account = data["accounts"]["schedule"]

    assert {k: account[k] for k in ("plans", "read", "accepted", "quarantined", "duplicate")} == {
        "plans": 2, "read": 8, "accepted": 7, "quarantined": 1, "duplicate": 0
    }  # fmt: skip
    assert (account["duplicates"], account["reasons"]) == ("not looked for", {"a.regex": 1})
    assert account["first"] == account["last"] == "2013-11-02T12:00:00+00:00"
    assert data["tables"]["schedule/events"]["rows"] == 7
    assert "&lt;img src=x onerror=alert(1)&gt;\\x00" in html
    assert "<img" not in html


def test_features_are_told_over_the_builds_of_one_generation(place):
    """Builds of an older generation were replaced and do not count; the profile is that of the table."""
    build_features(place, {"due": 1, "waiting": 8, "catch_up": 0}, generation=0)
    build_features(place, {"due": 4, "waiting": 5, "catch_up": 0})
    build_features(place, {"due": 2, "waiting": 3, "catch_up": 1})
    _, html, data = written(place)

    assert data["features"] == {
        "rows": 7, "builds": 2, "waiting": 3, "catch_up": 1, "never_due": 4, "until": "2013-11-02T12:00:00+00:00"
    }  # fmt: skip
    assert data["columns"]["f__<script>"]["mean"] == 0.5
    assert "f__&lt;script&gt;" in html
    assert "f__<script>" not in html


def test_a_model_from_bundle_to_scores(place, evaluation_json):
    """Bundle, evaluation, scores and steps come from where the jobs leave them, and belong to each other."""
    folder = str(Path(place.roots.models) / "late")
    examples = ModelFolder(place.roots.lake, "flights", "late").examples
    one = pa.RecordBatch.from_pydict({"_label": pa.array([1.0], pa.float32())})
    table_id = commit(examples, one, {"windows": {"test": {"rows": 4, "positives": 1}}})
    card = {**CARD, "tables": {"examples": {"table": examples, "id": table_id, "version": 1}}}
    bundle = write_bundle(folder, b"{}", {"spec": "spec", "state": {}}, card, "# late\n")
    make_live(folder, bundle.id)
    reports = Path(place.roots.reports)
    reports.mkdir()
    (reports / "late.evaluation.json").write_bytes(evaluation_json(bundle.id))
    (reports / "flights.steps.json").write_text('{"train late": {"seconds": 61.5, "at": "2026-01-05T10:41:07+00:00"}}')
    for name, found in {bundle.id: [0.25, 0.5, 0.75], "fedcba987654": [0.1]}.items():
        scores = {
            "predict_at": [NOON] * len(found),
            "score": pa.array(found, pa.float32()),
            "bundle": [name] * len(found),
        }
        table = ModelFolder(place.roots.lake, "flights", "late").scores
        commit(table, pa.RecordBatch.from_pydict(scores), {}, bundle=name)
    found, html, data = written(place)

    assert [part for part in found["missing"] if not part.startswith("account")] == ["features"]
    assert (data["bundle"]["id"], data["bundle"]["digest"]) == (bundle.id, bundle.digest)
    assert data["settings"] == {"rounds": 2, "booster.eta": 0.1}
    assert data["training"]["valid_logloss"] == [0.6, 0.7]
    assert data["tables"]["late/examples"]["learned_from"] == 1
    assert (data["windows"]["train"]["rows"], data["windows"]["test"]["rows"]) == (8, 4)
    assert 0.6 < data["metrics"]["test"]["auc"] < 0.8
    assert [v["value"] for v in data["slices"]["month"]["values"]] == ["11", "12", "10"]
    assert data["scores"]["by_bundle"] == {bundle.id: 3, "fedcba987654": 1}
    assert (data["scores"]["mean"], sum(data["scores"]["histogram"])) == (0.5, 3)
    assert data["steps"]["train late"]["seconds"] == 61.5
    assert "&lt;b&gt;seats&lt;/b&gt;" in html


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"format": 1}', b'{"train": {"seconds": "long"}}'])
def test_files_that_somebody_broke_are_named(place, content):
    """An evaluation, steps or bundle that cannot be read is a missing part, told by its path."""
    reports = Path(place.roots.reports)
    reports.mkdir()
    (reports / "late.evaluation.json").write_bytes(content)
    (reports / "flights.steps.json").write_bytes(content or b"{")
    models = Path(place.roots.models) / "late"
    models.mkdir(parents=True)
    (models / "current").write_bytes(content)
    why = {m["part"]: m["why"] for m in written(place)[2]["missing"]}

    assert "late.evaluation.json" in why["evaluation"]
    assert "flights.steps.json" in why["steps"]
    assert "current" in why["model"]


def test_a_card_of_another_format_is_named(place):
    """A whole bundle with a card that lacks what a report tells is no crash."""
    folder = str(Path(place.roots.models) / "late")
    bundle = write_bundle(folder, b"{}", {"state": {}}, {"made_from": {}}, "# late\n")
    make_live(folder, bundle.id)
    why = {m["part"]: m["why"] for m in written(place)[2]["missing"]}

    assert "card.json is not what train writes" in why["model"]


def test_figures_of_an_older_bundle_are_said_to_be(place, evaluation_json):
    """An evaluation made before the live bundle is shown, and said to be of another."""
    folder = str(Path(place.roots.models) / "late")
    make_live(folder, write_bundle(folder, b"{}", {"state": {}}, CARD, "# late\n").id)
    Path(place.roots.reports).mkdir()
    (Path(place.roots.reports) / "late.evaluation.json").write_bytes(evaluation_json("fedcba987654"))
    _, html, data = written(place)

    assert "evaluation of the live bundle" in [m["part"] for m in data["missing"]]
    assert "of bundle fedcba987654, not the live one" in html
