"""Messages in quarantine are checked again like lines: each once, whatever was killed and whatever else is at work."""

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

from headrace.lake.layout import DataSetFolder
from lib import clicks
from pipelines import ingest_batch, ingest_stream, replay

LAKE = DataSetFolder("lake", "web", "clicks")
NARROW, WIDE = "id: {type: int, required: true, min: 50}", "id: {type: int, required: true, min: 0}"
PRISM = "beam: {{runner: PrismRunner, options: {{prism_location: {0}, prism_log_level: error, streaming: true}}}}\n"


@pytest.fixture
def topic(broker, tmp_path, monkeypatch):
    """A topic whose clicks 0 to 49 are in quarantine, with poison among them; the next 250 are rows."""
    monkeypatch.chdir(tmp_path)
    name = clicks.make_topic(broker)
    clicks.write_project(tmp_path, broker, name)
    clicks.send(broker, name, range(300), poison_every=100)
    contract(WIDE, NARROW)
    return name


def contract(old, new):
    """The data set with another line of its contract."""
    path = Path("web/clicks.yaml")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def call(module, *more):
    """How a run in a process of its own is called."""
    return [sys.executable, "-m", module, "--config", "web/clicks.yaml", "--place", "place.yaml", *more]


def env(point=""):
    return {
        **os.environ, "HEADRACE_FAULT_TESTS": "1", "HEADRACE_DIE_AT": point, "PYTHONPATH": os.pathsep.join(sys.path)
    }  # fmt: skip


def kill(module, point):
    """A run that is killed at a point."""
    ended = subprocess.run(call(module), env=env(point), check=False, timeout=120, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def run(capsys, flow):
    """Exit code and last event of a run in this process."""
    code = flow.main(["--config", "web/clicks.yaml", "--place", "place.yaml", "--json"])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def rows(root):
    return DeltaTable(root).to_pyarrow_table().to_pylist()


def ids():
    return sorted(row["id"] for row in rows(LAKE.events))


def test_messages_that_keep_the_mended_contract_become_events(broker, topic, capsys):
    """At their partition and offset, of no plan; nobody says whether they were late. Poison stays where it is."""
    assert run(capsys, ingest_stream)[0] == 0
    bad = {(r["_file"], r["_offset"]) for r in rows(LAKE.quarantine) if r["reasons"] == ["id.min"]}
    contract(NARROW, WIDE)
    code, done = run(capsys, replay)
    assert (code, done["summary"]["accepted"], done["summary"]["quarantined"]) == (0, 50, 3), done
    assert ids() == list(range(300))
    replayed = [row for row in rows(LAKE.events) if row["id"] < 50]
    assert {(row["_file"], row["_offset"]) for row in replayed} == bad
    assert {(row["_plan"], row["_late"]) for row in replayed} == {(None, None)}
    settled = rows(LAKE.settlements)
    assert {(r["_plan"], r["_file"], r["_offset"], r["result"]) for r in settled} == {
        (None, file, offset, "accepted") for file, offset in bad
    }
    clicks.send(broker, topic, range(300, 330))
    assert run(capsys, ingest_stream)[0] == 0
    assert run(capsys, replay)[1]["summary"]["accepted"] == 0
    assert ids() == list(range(330))


@pytest.mark.parametrize(("point", "taken"), [("file:1", 0), ("tables", 50)])
def test_a_replay_of_messages_that_was_killed_is_finished_once(topic, capsys, point, taken):
    """Without a key, which would hide what tokens miss; the contract has changed back meanwhile."""
    contract("key: [id]\n", "")
    assert run(capsys, ingest_stream)[0] == 0
    contract(NARROW, WIDE)
    kill("pipelines.replay", point)
    contract(WIDE, NARROW)
    assert run(capsys, replay)[0] == 0
    assert (len(ids()), len(rows(LAKE.settlements))) == (250 + taken, taken)
    contract(NARROW, WIDE)
    assert run(capsys, replay)[0] == 0
    assert ids() == list(range(300))
    assert len(rows(LAKE.settlements)) == 50


def test_rows_of_files_and_messages_are_replayed_together(topic, capsys):
    """Where files have handed over; the one that came in a file is before the message of the same key."""
    contract(
        f"source: {{format: jsonl, topic: {topic}}}",
        f"sources:\n  backfill: {{format: jsonl, path: raw/*.jsonl}}\n  live: {{format: jsonl, topic: {topic}}}",
    )
    Path("raw").mkdir()
    lines = [json.loads(clicks.click(n)) for n in (5, 1000, 1001, -3)]
    Path("raw/a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    os.utime("raw/a.jsonl", (1_700_000_000, 1_700_000_000))
    for flow in (ingest_batch, ingest_stream):
        assert run(capsys, flow)[0] == 0
    contract(NARROW, WIDE)
    code, done = run(capsys, replay)
    assert (code, done["summary"]["accepted"], done["summary"]["duplicate"]) == (0, 50, 1), done
    assert ids() == [*range(300), 1000, 1001]
    assert [row["_file"] for row in rows(LAKE.events) if row["id"] == 5] == ["raw/a.jsonl"]
    results = Counter((row["_plan"], row["result"]) for row in rows(LAKE.settlements))
    assert results == {(1, "accepted"): 1, (None, "accepted"): 49, (None, "duplicate"): 1}


def test_beside_an_endless_stream_a_replay_finds_its_turn(broker, topic, capsys, prism):
    """Two processes on one table, both with the key: the stream goes on, the replay ends, each id is there once."""
    Path("prism.yaml").write_text(f"place: prism\nkafka: {{servers: '{broker}'}}\n" + PRISM.format(prism))
    assert run(capsys, ingest_stream)[0] == 0
    contract(NARROW, WIDE)
    forever = call("pipelines.ingest_stream", "--until", "forever")
    forever[forever.index("place.yaml")] = "prism.yaml"
    sent = 300
    with subprocess.Popen(
        forever, env=env(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as stream:
        try:
            again = None
            until = time.monotonic() + 90
            while time.monotonic() < until and stream.poll() is None:
                clicks.send(broker, topic, range(sent, sent + 30))
                producer = Producer({"bootstrap.servers": broker})
                producer.produce(topic, clicks.click(sent % 50), partition=0)  # a key that the replay wants to bring
                producer.flush(30)
                sent += 30
                if len(ids()) > 260 and again is None:
                    again = subprocess.Popen(call("pipelines.replay"), env=env(), stdout=subprocess.PIPE, text=True)
                if again is not None and again.poll() is not None:
                    break
            assert again is not None, "the stream has committed nothing"
            said, _ = again.communicate(timeout=60)
            assert again.returncode == 0, said
            assert stream.poll() is None, stream.stdout.read()
        finally:
            os.killpg(stream.pid, signal.SIGKILL)
    assert run(capsys, ingest_stream)[0] == 0
    assert ids() == list(range(sent))
    held = {(row["_plan"], row["_file"], row["_offset"]) for row in rows(LAKE.events)}
    for row in rows(LAKE.settlements):
        assert ((row["_plan"], row["_file"], row["_offset"]) in held) == (row["result"] == "accepted")
