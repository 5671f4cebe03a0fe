"""Files hand over to a topic: one table, every row once, whichever of the two it came in."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka import Producer
from deltalake import DeltaTable
from typer.testing import CliRunner

from headrace.cli import commands
from headrace.cli.main import app
from headrace.lake.commit import newest_infos
from headrace.lake.layout import DataSetFolder
from headrace.report.step_times import step_times
from lib import clicks
from pipelines import ingest_batch, ingest_stream

LAKE = DataSetFolder("lake", "web", "clicks")
BACKFILL = "{format: jsonl, path: raw/*.jsonl}"
FROM = "{0: 50, 1: 50, 2: 50}"


@pytest.fixture
def topic(broker, tmp_path, monkeypatch):
    """A topic with the clicks 0 to 299, of which files hold the first 150; nothing is ingested."""
    monkeypatch.chdir(tmp_path)
    name = clicks.make_topic(broker)
    clicks.write_project(tmp_path, broker, name)
    clicks.send(broker, name, range(300))
    Path("raw").mkdir()
    deliver("a.jsonl", range(100))
    deliver("b.jsonl", range(100, 150), bad=1)
    hand_over(name)
    return name


def deliver(name, ids, bad=0):
    """A file of clicks, some of them no JSON, that has been quiet for long."""
    lines = [json.dumps(json.loads(clicks.click(n))).encode() for n in ids] + [b"{"] * bad
    path = Path("raw", name)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    os.utime(path, (1_700_000_000, 1_700_000_000))


def hand_over(name, first=FROM, key=""):
    """The data set with both sources, and no key that would hide what offsets miss."""
    text = clicks.CLICKS.replace("key: [id]\n", key)
    both = f"sources:\n  backfill: {BACKFILL}\n  live: {{format: jsonl, topic: {name}, from: {first}}}"
    Path("web/clicks.yaml").write_text(text.replace("source: {format: jsonl, topic: TOPIC}", both))


def run(capsys, flow):
    """Exit code and last event of a run in this process."""
    code = flow.main(["--config", "web/clicks.yaml", "--place", "place.yaml", "--json"])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def kill(module, point):
    """A run that is killed at a point."""
    call = [sys.executable, "-m", module, "--config", "web/clicks.yaml", "--place", "place.yaml"]
    env = {**os.environ, "HEADRACE_FAULT_TESTS": "1", "HEADRACE_DIE_AT": point, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(call, env=env, check=False, timeout=120, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def ids():
    return sorted(DeltaTable(LAKE.events).to_pyarrow_table().column("id").to_pylist())


def test_one_command_takes_the_files_and_then_the_topic(broker, topic):
    """Each row once though the topic has all of them; what people are told sums both; again there is nothing to do."""

    def headrace(command, *more):
        said = CliRunner().invoke(app, [command, "web/clicks.yaml", "--place", "place.yaml", *more])
        assert said.exit_code == 0, said.output
        return said.stdout

    said = headrace("ingest")
    assert "✓ ingest clicks files" in said
    assert "✓ ingest clicks topic" in said
    assert "duplicates: not looked for" in said
    assert {"ingest clicks files", "ingest clicks topic"} == step_times("reports", "web").keys()
    assert ids() == list(range(300))
    clicks.send(broker, topic, range(300, 330), poison_every=15)
    deliver("c.jsonl", range(1000, 1010))
    headrace("ingest")
    assert ids() == [*range(330), *range(1000, 1010)]
    assert headrace("ingest").count("nothing to do") == 2
    status = [json.loads(line) for line in headrace("status", "--json").splitlines()]
    assert list(status[0]["notes"]["account"].values()) == [343, 340, 3, 0]
    assert 'headrace_rows_total{data_set="clicks",state="read"} 343' in headrace("metrics")
    assert 'headrace_open_plan{data_set="clicks"} 0' in headrace("metrics")
    refused = DeltaTable(LAKE.quarantine).to_pyarrow_table().to_pylist()
    assert Counter(row["_plan"] for row in refused) == {1: 1, None: 2}
    assert len(headrace("quarantine", "--json").splitlines()) == 3


def test_the_topic_waits_for_the_files(topic, capsys):
    """New files, then a plan that is half committed: exit code 6 and the command that goes on."""
    code, failed = run(capsys, ingest_stream)
    assert (code, "has files that are in no plan" in failed["message"]) == (6, True)
    kill("pipelines.ingest_batch", "tables")
    code, failed = run(capsys, ingest_stream)
    assert code == 6
    assert "plan 1 is open" in failed["message"]
    assert "python -m pipelines.ingest_batch --config web/clicks.yaml" in failed["message"]
    assert run(capsys, ingest_batch)[0] == 0
    assert run(capsys, ingest_stream)[0] == 0
    assert ids() == list(range(300))


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("{0: 50, 1: 50}", "/2: it does not say where the topic's partition begins"),
        ("{0: 50, 1: 50, 2: 50, 3: 0}", "/3: the topic has no such partition"),
        ("{0: 50, 1: 50, 2: 101}", "/2: the broker has 0..100, and it says 101"),
    ],
)
def test_offsets_that_the_topic_has_not_are_refused(topic, capsys, first, said):
    """A partition too few or too many, and one beyond its end; nothing is begun."""
    hand_over(topic, first)
    assert run(capsys, ingest_batch)[0] == 0
    code, failed = run(capsys, ingest_stream)
    assert (code, said in failed["message"]) == (2, True), failed
    hand_over(topic)
    assert run(capsys, ingest_stream)[0] == 0
    assert ids() == list(range(300))


def test_where_it_began_stays(topic, capsys):
    """Another `from` after the first commit is refused with its cure; the old one goes on."""
    assert run(capsys, ingest_batch)[0] == 0
    assert run(capsys, ingest_stream)[0] == 0
    hand_over(topic, "{0: 40, 1: 50, 2: 50}")
    code, failed = run(capsys, ingest_stream)
    assert code == 2
    assert "Write `from` as it was" in failed["message"]
    hand_over(topic)
    assert run(capsys, ingest_stream)[1]["summary"]["nothing_to_do"] is True


def test_a_time_is_looked_up_once(broker, topic, capsys):
    """Of the broker's clock; killed when one table has begun, the other begins where it did, not where it would now."""
    moment = time.time() + 0.1
    time.sleep(0.2)
    hand_over(topic, f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(moment))}.{int(moment % 1 * 1e6):06d}Z")
    assert run(capsys, ingest_batch)[0] == 0
    kill("pipelines.ingest_stream", "committed")
    producer = Producer({"bootstrap.servers": broker})
    # The lookup would now step over this one, whose clock is behind.
    producer.produce(topic, clicks.click(300), partition=0, timestamp=int(moment * 1000) - 60_000)
    assert producer.flush(30) == 0
    clicks.send(broker, topic, range(301, 330))
    assert run(capsys, ingest_stream)[0] == 0
    assert ids() == [*range(150), *range(300, 330)]
    begun = [info["stream"] for info in newest_infos(LAKE.events) if info.get("stream", {}).get("from")]
    assert [info["from"][:4] for info in begun] == [time.strftime("%Y")]


def test_files_are_watched_without_their_topic(topic, monkeypatch):
    """Which would wait for them for ever."""
    asked = []
    monkeypatch.setattr(commands, "run_steps", lambda _, steps, *__: asked.append([s.module for s in steps]) or 0)
    assert commands.watch(Path("web/clicks.yaml"), "place.yaml", "30s", as_json=False) == 0
    assert asked == [["pipelines.ingest_batch"]]


def test_with_a_key_a_row_of_both_is_a_duplicate(topic, capsys):
    """Files that hold more than `from` says, and a file that comes when the topic has the rows already."""
    hand_over(topic, "{0: 40, 1: 40, 2: 40}", key="key: [id]\n")
    assert run(capsys, ingest_batch)[0] == 0
    assert run(capsys, ingest_stream)[1]["summary"]["duplicate"] == 30
    assert ids() == list(range(300))
    deliver("c.jsonl", range(290, 310))
    assert run(capsys, ingest_batch)[1]["summary"]["duplicate"] == 10
    assert ids() == list(range(310))
