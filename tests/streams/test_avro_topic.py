"""A topic of Avro records is ingested like one of JSON: by the registry's ids, with poison among the good."""

import io
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import fastavro
import polars as pl
import pytest
from confluent_kafka import Producer

from headrace.lake.layout import DataSetFolder
from headrace.spec.digest import contract_digest
from headrace.spec.project import load_data_set, load_project
from lib import clicks
from pipelines import ingest_stream, replay

AT = {"type": "long", "logicalType": "timestamp-micros"}
FIRST = {"type": "record", "name": "Click", "fields": [{"name": "id", "type": "long"}, {"name": "at", "type": AT}]}
THEN = {**FIRST, "fields": [*FIRST["fields"], {"name": "page", "type": ["null", "string"]}]}
SOURCE = "{format: avro, topic: TOPIC, schema: {7: web/first.avsc, 8: '${SCHEMAS:-web}/then.avsc'}}"
LAKE = DataSetFolder("lake", "web", "clicks")


def framed(number, schema, row):
    """A message as the registry's clients write it."""
    out = io.BytesIO(b"\0" + number.to_bytes(4, "big"))
    out.seek(5)
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), row)
    return out.getvalue()


def message(number):
    """A click; the writers' schema has changed on the way."""
    row = {"id": number, "at": clicks.START}
    return framed(7, FIRST, row) if number < 300 else framed(8, THEN, {**row, "page": f"p{number}"})


@pytest.fixture
def topic(broker, tmp_path, monkeypatch):
    """A project that reads an empty topic by two schemas, in the working directory."""
    monkeypatch.chdir(tmp_path)
    name = clicks.make_topic(broker)
    config = clicks.write_project(tmp_path, broker, name)
    text = config.read_text().replace(f"{{format: jsonl, topic: {name}}}", SOURCE.replace("TOPIC", name))
    config.write_text(text.replace(", path: where.page", ""))
    for file, schema in (("first", FIRST), ("then", THEN)):
        Path("web", f"{file}.avsc").write_text(json.dumps(schema, indent=2))
    return name


def run(capsys):
    """Exit code and summary, or message, of a run in this process."""
    code = ingest_stream.main(["--config", "web/clicks.yaml", "--place", "place.yaml", "--json"])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def test_records_and_poison_are_each_in_one_table(broker, topic, capsys):
    """Of two schemas, by id; bombs, other ids and whatever is no Avro are in quarantine with their bytes."""
    producer = Producer({"bootstrap.servers": broker})
    sent = Counter()
    for number in range(600):
        producer.produce(topic, message(number), partition=number % 3)
        sent["good"] += 1
        if number % 20 == 0:
            bad = [*clicks.POISON, framed(9, FIRST, {"id": 1, "at": clicks.START}), message(number)[:-1]]
            poison = bad[number // 20 % len(bad)]
            wrapped = poison if number % 40 or poison is None else b"\0\0\0\0\7" + poison
            producer.produce(topic, wrapped, partition=number % 3)
            sent["bad"] += 1
    assert producer.flush(30) == 0
    code, done = run(capsys)
    assert code == 0, done
    assert (done["summary"]["accepted"], done["summary"]["quarantined"]) == (sent["good"], sent["bad"])
    events = pl.read_delta(LAKE.events)
    assert sorted(events["id"]) == list(range(600))
    assert dict(zip(events["id"], events["page"], strict=True)) == {n: None if n < 300 else f"p{n}" for n in range(600)}
    everything = clicks.sent_messages(broker, topic)
    refused = pl.read_delta(LAKE.quarantine)
    for row in refused.iter_rows(named=True):
        assert row["raw"] == everything[row["_file"], row["_offset"]]
    places = [(row["_file"], row["_offset"]) for t in (events, refused) for row in t.iter_rows(named=True)]
    assert Counter(places) == Counter(everything.keys())


def test_what_a_schema_s_file_says_is_part_of_the_contract(topic):
    """Another schema gives another digest, other white space does not; the text alone and its schemas are enough."""
    project, data = load_data_set("web/clicks.yaml")
    before = contract_digest(data)
    located = project.data_sets["clicks"]
    assert located.schemas == {
        "web/first.avsc": json.dumps(FIRST, separators=(",", ":")),
        "${SCHEMAS:-web}/then.avsc": json.dumps(THEN, separators=(",", ":")),
    }
    Path("web/then.avsc").write_text(json.dumps(THEN))
    assert contract_digest(load_data_set("web/clicks.yaml")[1]) == before
    Path("web/then.avsc").write_text(json.dumps({**THEN, "doc": "x"}))
    assert contract_digest(load_data_set("web/clicks.yaml")[1]) != before
    assert load_project("web").data_sets["clicks"].value.source.topic == topic


def test_messages_of_a_schema_that_was_lacking_are_replayed_once_it_is_named(broker, topic, capsys):
    """They wait in quarantine with their bytes; a replay that was sealed goes on by the schemas it was sealed with."""
    producer = Producer({"bootstrap.servers": broker})
    for number in range(20):
        producer.produce(topic, framed(9, FIRST, {"id": number, "at": clicks.START}), partition=0)
    assert producer.flush(30) == 0
    assert run(capsys)[1]["summary"]["reasons"] == {"message.schema": 20}
    config = Path("web/clicks.yaml")
    config.write_text(config.read_text().replace("7: web/first.avsc", "7: web/first.avsc, 9: web/nine.avsc"))
    Path("web/nine.avsc").write_text(json.dumps(FIRST))
    call = [sys.executable, "-m", "pipelines.replay", "--config", "web/clicks.yaml"]
    env = {
        **os.environ,
        "HEADRACE_FAULT_TESTS": "1",
        "HEADRACE_DIE_AT": "tables",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    assert subprocess.run(call, env=env, check=False, timeout=120, capture_output=True).returncode == -signal.SIGKILL
    Path("web/nine.avsc").write_text(
        json.dumps({**FIRST, "fields": [FIRST["fields"][1]]})
    )  # by which none could be read
    assert replay.main(["--config", "web/clicks.yaml", "--json"]) == 0
    assert sorted(pl.read_delta(LAKE.events)["id"]) == list(range(20))
    assert pl.read_delta(LAKE.settlements)["result"].to_list() == ["accepted"] * 20
