"""What cannot be run as it was meant is refused before anything is planned; a run that did nothing says so."""

import json
import logging
import threading
import time

import pytest
from deltalake import DeltaTable

from headrace.lake.layout import DataSetFolder, ModelFolder
from headrace.progress import Progress
from lib import shop
from pipelines import build_features, ingest_batch, launch
from transforms import pace

FOLDER = DataSetFolder("lake", "shop", "orders")
DRAWS = "--runner=apache_beam.runners.render.RenderRunner"


@pytest.fixture
def ingest(tmp_path, monkeypatch):
    """Ingest the shop's one delivered file, with options and the `beam` section of a place file."""
    monkeypatch.chdir(tmp_path)
    config = shop.write_project(tmp_path).relative_to(tmp_path)
    shop.deliver(tmp_path, "a.csv", range(1, 30))

    def run(*options, beam=""):
        (tmp_path / "place.yaml").write_text(f"place: there\nbeam:\n{beam}\n" if beam else "place: there\n")
        return ingest_batch.main(["--config", str(config), "--json", "--place", "place.yaml", *options])

    return run


def last(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.parametrize(
    ("options", "beam", "message"),
    [
        (["--plcae", "x"], "", "--plcae: neither Headrace nor Beam has such an option; did you mean --place?"),
        (["--runer=FlinkRunner"], "", "--runer: neither Headrace nor Beam has such an option; did you mean --runner?"),
        (["--plac=x"], "", "--plac: neither Headrace nor Beam"),
        (
            [],
            "  options: {paralellism: 4}",
            "place there: beam.options.paralellism: Beam has no such pipeline option; ",
        ),
        ([], "  options: {paralellism: 4}", "did you mean parallelism?"),
        ([], "  options: {parallelism: many}", "argument --parallelism: invalid int value: 'many'"),
        ([], "  options: {streaming: yes}", "beam.options.streaming: yes: Beam has it as a switch; write true, or"),
        ([], "  runner: FlnkRunner", "place there: Beam has no runner FlnkRunner; did you mean FlinkRunner?"),
        (["--runner=no.such.Runner"], "", "No module named 'no'"),
        (["--runner=transforms.pace.Nothing"], "", "has no attribute 'Nothing'"),
        (["--direct_running_mode=multi_threading"], "", "loses rows"),
        ([], "  options: {direct_running_mode: multi_threading}", "loses rows"),
        ([], "  runner: flink\n  options: {flink_master: 'host:8081'}", "lake: a folder of this machine, but the wor"),
        (
            [],
            "  runner: PrismRunner\n  options: {prism_location: .cache/prism, streaming: true}",
            "prism_location: .cache/prism: no such file; run scripts/prism",
        ),
        ([], "  runner: PortableRunner\n  options: {job_endpoint: 'host:8099'}", "say `shared: true` under `beam`"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_made(ingest, tmp_path, options, beam, message, capsys):
    """Mistyped options and runners, modes that lose rows, folders no worker sees: exit code 2 or 4, no lake."""
    assert ingest(*options, beam=beam) in (2, 4)
    assert message in last(capsys)["message"]
    assert not (tmp_path / "lake").exists()


def test_options_of_a_place_reach_beam(ingest, monkeypatch):
    """Switches, several values and the job service's own; those of the command line win."""
    from pipelines import options  # noqa: PLC0415  # Beam is loaded here as it is in a run

    seen = []
    prove = options.proven_options
    monkeypatch.setattr(options, "proven_options", lambda call: seen.append(prove(call)) or seen[-1])
    beam = "  options: {experiments: [a, b], auto_unique_labels: true, parallelism: 3}\n  service_options: {x_y: 5}"
    assert ingest("--parallelism=2", beam=beam) == 0
    found = seen[-1].get_all_options(retain_unknown_options=True)
    assert {"a", "b"} <= set(found["experiments"])
    assert (found["auto_unique_labels"], found["parallelism"], found["x_y"]) == (True, 2, "5")


def test_a_runner_that_only_draws_is_asked_once(ingest, capsys, tmp_path):
    """Beam's RenderRunner ends well without having run anything: one submission, exit code 1, and it is said."""
    assert ingest(DRAWS, f"--render_output={tmp_path / 'graph.dot'}") == 1
    said = capsys.readouterr().out.splitlines()
    assert "the runner has ended (state DONE), but quarantine, events does not carry" in json.loads(said[-1])["message"]
    assert len([line for line in said if "plan 1 of orders" in json.loads(line).get("step", "")]) == 1
    assert DeltaTable(FOLDER.events).version() == 0


def test_a_build_that_was_only_drawn_is_no_build(tmp_path, monkeypatch, capsys):
    """Nor is the account of the build before it reported in its place."""
    monkeypatch.chdir(tmp_path)
    shop.write_project(tmp_path)
    model = shop.write_model(tmp_path).relative_to(tmp_path)
    shop.deliver(tmp_path, "a.csv", range(1, 301))
    for name in ("orders", "prices", "regions"):
        assert ingest_batch.main(["--config", f"shop/{name}.yaml"]) == 0
    draw = ["--config", str(model), "--json", DRAWS, f"--render_output={tmp_path / 'graph.dot'}"]
    assert build_features.main(draw) == 1
    assert "the table does not carry big/features/" in last(capsys)["message"]
    assert DeltaTable(ModelFolder("lake", "shop", "big").features).version() == 0


class Job:
    """A job that runs elsewhere and has ended when it was asked for its state three times."""

    def __init__(self):
        self._states = iter(["STARTING", "RUNNING", "RUNNING"])
        self.asked = threading.Event()

    @property
    def state(self):
        """As Beam's results have it."""
        state = next(self._states, None)
        if state is None:
            self.asked.set()
            raise RuntimeError("the job service is gone")
        return state


def test_a_failure_that_is_told_at_the_end_is_not_told_before(capsys):
    """Prism's lines and the trace of Beam's worker hold it already; those of a fault that is not ours stay."""
    trace = "Traceback (most recent call last):\n  …\nheadrace.failures.{0}: a broker is silent\n"
    ours, other = trace.format("PlaceFailure"), trace.format("SurpriseError")

    def told(name, message):
        return launch._is_news(logging.LogRecord(name, logging.ERROR, "", 0, "%s", (message,), None))

    launch._print_news(ours)
    assert capsys.readouterr().out == ""
    launch._print_news(other)
    assert "SurpriseError" in capsys.readouterr().out
    assert [told("root", ours), told("root", other)] == [False, True]
    assert not told("PrismRunner", "Prism received bundle error from worker response (bundle='inst114')")
    assert told("PrismRunner", "no room")


def test_progress_elsewhere_is_the_state_of_the_job(capsys):
    """Each state once and no figure, since nothing was counted here; a service that is gone is no failure here."""
    with pace.shown(Progress(), "ingest orders", 100, every=0.01) as watched:
        watched.job = Job()
        assert watched.job.asked.wait(10)
    assert capsys.readouterr().out == "ingest orders: job starting\ningest orders: job running\n"


def test_progress_here_is_what_was_counted(capsys, monkeypatch):
    """No line before the first block is counted, then rows and the share of the work; one where nothing follows."""
    with pace.shown(Progress(), "ingest orders", 200, every=0.01):
        time.sleep(0.1)
        assert capsys.readouterr().out == ""
        pace.count(3, 50)
        time.sleep(0.1)
        assert "rows 3, rows per second" in (said := capsys.readouterr().out)
        assert "done 25%" in said
        assert said.count("\n") == 1
        monkeypatch.setattr(pace, "_IDLE", 0.05)
        time.sleep(0.2)
    assert "rows 3, rows per second 0, done 25%\n" in capsys.readouterr().out
