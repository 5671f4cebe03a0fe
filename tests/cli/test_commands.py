"""The `headrace` command as a person calls it: answers, messages, exit codes."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headrace.cli import run_steps
from headrace.cli.children import Outcome, run_child
from headrace.cli.main import app
from headrace.cli.screen import Screen
from headrace.cli.steps import Step
from headrace.report.step_times import step_times
from headrace.spec.place import Place, Roots
from lib import shop
from pipelines import ingest_batch

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with the shop's project and one delivered file."""
    monkeypatch.chdir(tmp_path)
    shop.write_project(tmp_path)
    shop.deliver(tmp_path, "a.csv", range(1, 31), bad=frozenset({3}))
    return tmp_path


def headrace(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_validate_says_ok_for_the_example(monkeypatch):
    """The example project and every place that ships with it hold together."""
    monkeypatch.chdir(REPOSITORY)
    for name in ("ROOT", "BUCKET", "IMAGE", "PYTHON", "CLAIM"):
        monkeypatch.setenv(f"HEADRACE_{name}", "/srv/headrace")
    for name in ("FLINK_MASTER", "SPARK_MASTER"):
        monkeypatch.setenv(name, "spark://localhost:7077")
    places = sorted(Path("conf/places").glob("*.yaml"))
    said = headrace("validate", "conf/flights", "conf/places", *places)
    assert said.exit_code == 0
    assert said.output.count(": ok") == 2 + len(places)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("key: [id]", "kee: [id]", "orders.yaml:4: kee: no such key; did you mean key?"),
        ("amount < 900", "amuont < 900", "did you mean amount?"),
        ("[north, south]", "north: 1", "orders.yaml"),
    ],
)
def test_a_mistake_is_answered_by_name(folder, old, new, message):
    """A misspelt key and an unknown column: exit code 2, the place and the nearest name."""
    config = folder / "shop/orders.yaml"
    config.write_text(config.read_text().replace(old, new))
    said = headrace("validate", "shop")
    assert said.exit_code == 2
    assert message in said.output


def test_schema_is_json_and_knows_its_kinds():
    """Each kind has one; an unknown kind is answered with the nearest."""
    for kind in ("dataset", "model", "place"):
        assert json.loads(headrace("schema", kind).output)["properties"]
    unknown = headrace("schema", "modle")
    assert unknown.exit_code == 2
    assert "did you mean model?" in unknown.output


def test_plan_shows_what_ingest_would_take_and_run_takes_it(folder):
    """Before: one file waits. After: none. A child's account is in the summary."""
    assert "1 new file," in headrace("plan", "shop/orders.yaml").output
    ran = headrace("run", "shop", "--json")
    assert ran.exit_code == 0, ran.output
    done = [json.loads(line) for line in ran.output.splitlines()][-1]
    assert (done["of"], done["summary"]["accepted"], done["summary"]["quarantined"]) == ("ingest orders", 29, 1)
    assert headrace("plan", "shop/orders.yaml").output.startswith("0 new files")
    shown = [json.loads(line) for line in headrace("status", "shop", "--json").output.splitlines()]
    assert [(t["name"], t["rows"]) for t in shown] == [("orders/events", 29), ("orders/quarantine", 1)]
    assert shown[0]["notes"]["account"] == {"read": 30, "accepted": 29, "quarantined": 1, "duplicate": 0}
    assert "account 30 = 29 + 1 + 0" in headrace("status", "shop").output


def test_an_open_plan_is_abandoned_and_its_files_are_free(folder):
    """stop_if leaves the plan open; abandoning it commits an empty token, the next plan has the file."""
    config = folder / "shop/orders.yaml"
    config.write_text(config.read_text().replace("contract:\n", "contract:\n  stop_if: {quarantined_share: 0.0}\n"))
    assert headrace("ingest", "shop").exit_code == 3
    assert "open plan 1: 1 files" in headrace("plan", "shop/orders.yaml").output
    assert headrace("plan", "shop/orders.yaml", "--abandon", "2").exit_code == 2
    assert headrace("plan", "shop/orders.yaml", "--abandon", "1").exit_code == 0
    assert headrace("plan", "shop/orders.yaml").output.startswith("1 new file,")


def test_dry_run_lists_the_steps_and_changes_nothing(folder):
    """Steps in the order of references, with what waits for each ingest."""
    said = headrace("run", "shop", "--dry-run")
    assert "ingest orders" in said.output
    assert not (folder / "lake").exists()


def test_an_unknown_step_is_answered_with_the_known_ones(folder):
    """`--only trian` is no silent success."""
    said = headrace("run", "shop", "--only", "trian")
    assert said.exit_code == 2
    assert "did you mean train?" in said.output


def test_a_crashing_step_is_a_message(tmp_path, monkeypatch):
    """A child that dies without a word is named with how it ended."""
    (tmp_path / "crasher.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    outcome = run_child("crasher", [], lambda _: None)
    assert outcome.exit_code == 1
    assert "crasher was ended by SIGSEGV" in outcome.message


def test_help_imports_no_engine():
    """`--help` answers without Beam, Spark, XGBoost, pyarrow or pandas."""
    probe = (
        "import sys\nfrom typer.testing import CliRunner\nfrom headrace.cli.main import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print(sorted({'apache_beam', 'pyspark', 'xgboost', 'pyarrow', 'pandas', 'deltalake'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout == "[]\n"


def test_doctor_finds_a_healthy_machine_and_names_a_sick_one(folder, monkeypatch):
    """All fine here; with a Java that is none, exit code 4 and the cure."""
    healthy = headrace("doctor", "--json")
    assert healthy.exit_code == 0, healthy.output
    monkeypatch.setenv("JAVA_HOME", str(folder / "nowhere"))
    sick = headrace("doctor")
    assert sick.exit_code == 4
    assert "no java can be started there" in sick.output
    assert "cure: install a Java 17 or 21" in sick.output


def test_doctor_looks_for_the_binary_and_the_brokers_of_a_place(folder):
    """A Prism that is not there and a port where nobody answers: exit code 4, each by name."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and listens to nobody
        servers = f"127.0.0.1:{taken.getsockname()[1]}"
        prism = "beam: {runner: PrismRunner, options: {prism_location: prism}}"
        (folder / "place.yaml").write_text(f"place: here\n{prism}\nkafka: {{servers: '{servers}'}}\n")
        said = headrace("doctor", "--place", "place.yaml", "--json")
    assert said.exit_code == 4
    found = {one["check"]: one for one in map(json.loads, said.stdout.splitlines())}
    assert "prism: no such file; run scripts/prism" in found["beam"]["found"]
    assert f"{servers}: the Kafka brokers do not answer" in found["kafka"]["found"]


def test_a_run_that_fails_keeps_the_times_of_its_steps(folder, monkeypatch):
    """What was done before the failure is in the next report; what failed is not."""
    steps = [Step("ingest", "orders", "orders.yaml"), Step("train", "late", "late.yaml")]
    outcomes = iter([Outcome(0, 1.5, {"read": 1}), Outcome(3, message="no labels")])
    monkeypatch.setattr(run_steps, "run_child", lambda *_: next(outcomes))
    place = Place(roots=Roots(reports=str(folder / "reports")))
    assert run_steps.run_steps("shop", steps, None, place, Screen(as_json=True)) == 3
    assert {name: took.seconds for name, took in step_times(place.roots.reports, "shop").items()} == {
        "ingest orders": 1.5
    }


def test_a_failure_is_one_event(folder):
    """With --json every line is an object, and a step that failed is told once, with its exit code."""
    config = folder / "shop/orders.yaml"
    config.write_text(config.read_text().replace("contract:\n", "contract:\n  stop_if: {quarantined_share: 0.0}\n"))
    said = headrace("ingest", "shop", "--json")
    failed = [event for event in map(json.loads, said.stdout.splitlines()) if event["event"] == "failed"]
    assert [(event["of"], event["exit_code"]) for event in failed] == [("ingest orders", 3)]
    config.write_text("dataset: orders\n")
    (told,) = map(json.loads, headrace("ingest", "shop", "--json").stdout.splitlines())
    assert (told["event"], told["exit_code"]) == ("failed", 2)


def test_a_data_set_that_no_model_needs_stops_no_model(folder):
    """A model comes right after the data sets it stands on; what nobody needs comes last."""
    shop.write_model(folder)
    config = folder / "shop/orders.yaml"
    (folder / "shop/audit.yaml").write_text(config.read_text().replace("dataset: orders", "dataset: audit"))
    steps = [json.loads(line)["step"] for line in headrace("run", "shop", "--dry-run", "--json").stdout.splitlines()]
    assert steps == [
        *("ingest orders", "ingest prices", "ingest regions"),
        *(f"{kind} big" for kind in ("features", "examples", "train", "evaluate", "score", "report")),
        "ingest audit",
    ]
    only = headrace("run", "shop", "--dry-run", "--json", "--only", "ingest,report").stdout.splitlines()
    assert [json.loads(line)["step"] for line in only] == [*steps[:3], "report big", "ingest audit"]


def test_a_model_that_reads_the_future_stops_before_the_first_step(folder):
    """What `validate` finds, `run` finds too, and no table is made."""
    model = shop.write_model(folder)
    model.write_text(model.read_text().replace("half: id / 2", "half: amount / 2"))
    said = headrace("run", "shop")
    assert said.exit_code == 2
    assert "features.half: amount becomes known at" in said.output
    assert not (folder / "lake").exists()


def test_a_place_that_cannot_train_stops_before_the_first_step(folder):
    """More workers than slots is told before anything is ingested: exit code 4."""
    model = shop.write_model(folder)
    model.write_text(model.read_text().replace("workers: 2", "workers: 900"))
    said = headrace("run", "shop")
    assert said.exit_code == 4
    assert "train.workers is 900" in said.output
    assert not (folder / "lake").exists()


@pytest.mark.parametrize("command", ["run", "validate", "status"])
def test_a_path_that_is_not_there_is_named(folder, command):
    """It is the path that was given, and the nearest one is offered."""
    said = headrace(command, "shoop")
    assert said.exit_code == 2
    assert "shoop: there is no such file or folder; did you mean shop?" in said.output


def test_a_report_of_the_same_is_not_written_again(folder):
    """Until something changes there is nothing to do; then it is."""
    shop.write_model(folder)
    assert headrace("report", "shop").exit_code == 0
    page = folder / "reports/big.html"
    first = page.read_bytes()
    assert "nothing to do" in headrace("report", "shop").output
    assert page.read_bytes() == first
    headrace("ingest", "shop")
    assert "nothing to do" not in headrace("report", "shop").output
    assert page.read_bytes() != first


@pytest.mark.parametrize(("command", "said"), [("cat > told.json", ""), ("echo oh no >&2; exit 3", "oh no")])
def test_a_failed_step_raises_the_alarm(folder, command, said):
    """The place's command gets what happened; where it fails itself, that is said, and the step's exit code stays."""
    config = folder / "shop/orders.yaml"
    config.write_text(config.read_text().replace("contract:\n", "contract:\n  stop_if: {quarantined_share: 0.0}\n"))
    (folder / "place.yaml").write_text(f"place: here\non_alarm: '{command}'\n")
    ran = headrace("ingest", "shop", "--place", "place.yaml")
    assert ran.exit_code == 3
    assert said in ran.output
    if not said:
        told = json.loads((folder / "told.json").read_text())
        assert (told["step"], told["exit_code"], told["config"]) == ("ingest orders", 3, "shop/orders.yaml")
        assert "broke the contract" in told["message"]


def test_an_entry_point_raises_the_alarm_itself_unless_headrace_called_it(folder, monkeypatch):
    """Once in either way, and never for what somebody has ended."""
    config = folder / "shop/orders.yaml"
    config.write_text(config.read_text().replace("contract:\n", "contract:\n  stop_if: {quarantined_share: 0.0}\n"))
    (folder / "place.yaml").write_text("place: here\non_alarm: 'cat >> told.json; echo >> told.json'\n")
    call = ["--config", "shop/orders.yaml", "--place", "place.yaml", "--json"]
    assert ingest_batch.main(call) == 3
    (told,) = (json.loads(line) for line in (folder / "told.json").read_text().splitlines())
    assert (told["step"], told["exit_code"]) == ("pipelines.ingest_batch", 3)
    assert headrace("ingest", "shop/orders.yaml", "--place", "place.yaml").exit_code == 3
    steps = [json.loads(line)["step"] for line in (folder / "told.json").read_text().splitlines()]
    assert steps == ["pipelines.ingest_batch", "ingest orders"]
    monkeypatch.setattr(ingest_batch, "planner_of", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert ingest_batch.main(call) == 130
    assert len((folder / "told.json").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("what", "pause", "said"),
    [("shop", "30s", "headrace ingest shop/orders.yaml --watch 30s"), ("shop/orders.yaml", "soon", "--watch: 'soon'")],
)
def test_a_watch_is_of_one_data_set(folder, what, pause, said):
    """Of a project with several it is said how to watch each."""
    shop.write_model(folder)
    answered = headrace("ingest", what, "--watch", pause)
    assert (answered.exit_code, said in answered.output) == (2, True), answered.output


def test_what_people_are_told_of_accounts(capsys):
    """Replaced rows stand in line and table where there are some; how repeats were looked for is told by data set."""
    account = {"read": 9, "accepted": 9, "quarantined": 0, "duplicate": 0, "reasons": {}}
    screen = Screen(as_json=False)
    for name, replaced, told in (("orders", 7, "looked for by key"), ("prices", 0, "not looked for")):
        summary = {**account, "replaced": replaced, "duplicates": told}
        screen.end(Step("ingest", name, f"{name}.yaml"), Outcome(0, 1.0, summary))
    screen.accounts()
    first, second, _, head, *rows, by_key, without = capsys.readouterr().out.splitlines()
    assert (first.endswith("duplicate 0, replaced 7"), second.endswith("duplicate 0")) == (True, True)
    assert head.split()[-2:] == ["replaced", "reasons"]
    assert [line.split() for line in rows] == [["orders", "9", "9", "0", "0", "7"], ["prices", "9", "9", "0", "0", "0"]]
    assert by_key == "duplicates of orders: looked for by key"
    assert without == "duplicates of prices: not looked for"
