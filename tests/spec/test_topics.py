"""A data set's rows come from files or from a Kafka topic; a place names the brokers."""

from pathlib import Path

import pytest

from headrace.cli import commands
from headrace.failures import PlaceFailure
from headrace.spec.digest import contract_digest
from headrace.spec.faults import SpecError
from headrace.spec.project import load_place, load_project, parse_data_set
from headrace.spec.variables import client_options

CLICKS = """\
dataset: clicks
source: {SOURCE}
contract: {columns: {at: {type: timestamp}}}
"""


def parsed(source):
    """A data set with that source."""
    return parse_data_set(CLICKS.replace("SOURCE", source), "clicks.yaml").value


def test_a_topic_stands_in_place_of_a_path():
    """The name is kept as it is written."""
    assert parsed("format: jsonl, topic: web.clicks-1").source.topic == "web.clicks-1"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("format: jsonl", "source: says not where rows come from; name the files by `path`, or a Kafka topic by"),
        ("format: jsonl, topic: a, path: b", "source.topic: stands beside path; rows come from files or from a topic"),
        ("format: csv, topic: a", "source.format: messages of a topic are jsonl (an object each) or avro, not csv"),
        ("format: jsonl, topic: a b", "source.topic: is no name of a topic; those are up to 249 letters, digits"),
        ("format: jsonl, topic: ''", "source.topic: is no name of a topic"),
        ("format: jsonl, topic: ..", "source.topic: is no name of a topic"),
        ("format: jsonl, topic: a, compression: gzip", "source.compression: is about files, and the rows come from a"),
        ("format: avro, topic: a", "source: messages in Avro do not say how they are written; name the file of their"),
        ("format: jsonl, topic: a, schema: b", "source.schema: is for messages in Avro; files say themselves how they"),
        ("format: avro, path: a, schema: b", "source.schema: is for messages in Avro"),
        ("format: avro, topic: a, schema: {x: b}", "source.schema.x: 'x' is no whole number"),
        ("format: jsonl, topik: a", "source.topik: no such key; did you mean topic?"),
    ],
)
def test_what_no_source_can_be_is_told(source, said):
    """Neither, both, another format, a name that Kafka refuses."""
    with pytest.raises(SpecError) as refused:
        parsed(source)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "clicks.yaml:2: source.schema: no.avsc: No such file or directory; name the file of the schema"),
        (b"{", "source.schema: no.avsc: is no JSON, as an Avro schema is"),
        (b"[" * 100_000, "source.schema: no.avsc: is no JSON"),
        (b" " * 1_000_001, "source.schema: no.avsc: a schema may have at most 1,000,000 bytes"),
    ],
)
def test_a_schema_s_file_that_cannot_be_read_is_told_where_it_is_named(tmp_path, monkeypatch, content, said):
    """Absent, no JSON, too deep, too large."""
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("no.avsc").write_bytes(content)
    Path("web").mkdir()
    Path("web/clicks.yaml").write_text(CLICKS.replace("SOURCE", "format: avro, topic: a, schema: no.avsc"))
    with pytest.raises(SpecError) as refused:
        load_project("web")
    assert said in str(refused.value)


def test_validate_looks_into_schemas(tmp_path, monkeypatch, capsys):
    """What is no schema of records, or has other fields than the contract, is told before a broker is asked."""
    monkeypatch.chdir(tmp_path)
    Path("web").mkdir()
    Path("web/clicks.yaml").write_text(CLICKS.replace("SOURCE", "format: avro, topic: a, schema: web/a.avsc"))
    Path("web/a.avsc").write_text('"int"')
    assert commands.validate([Path("web")]) == 2
    said = capsys.readouterr().err
    assert "web/clicks.yaml:2: source.schema: no schema of messages: its rows are no records" in said


BOTH = "sources: {backfill: {format: csv, path: a.csv}, live: {LIVE}}"


def handed_over(live):
    """A data set whose files are handed over to that topic."""
    text = CLICKS.replace("source: {SOURCE}", BOTH.replace("LIVE", live))
    return parse_data_set(text.replace("timestamp", "timestamp, path: x.at"), "clicks.yaml").value


def test_files_may_hand_over_to_a_topic():
    """Each has a source of its own; where the topic begins decides nothing of a row."""
    data = handed_over("format: jsonl, topic: t, from: {0: 5, 1: 7}")
    assert (data.of_files.source.path, data.of_topic.source.topic) == ("a.csv", "t")
    assert data.of_topic.source.from_ == {0: 5, 1: 7}
    moved = handed_over("format: jsonl, topic: t, from: 2026-01-01T00:00:00Z")
    assert contract_digest(moved) == contract_digest(data)
    assert contract_digest(handed_over("format: jsonl, topic: t, trim: true")) != contract_digest(data)
    assert parsed("format: jsonl, path: a").of_topic is None


LIVE = "format: jsonl, topic: t"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOTH.replace("LIVE", "format: jsonl, path: a"), "sources.live.path: cannot stand here; name a topic"),
        (
            BOTH.replace("csv, path", "jsonl, topic").replace("LIVE", LIVE),
            "sources.backfill.topic: cannot stand here; name files by path",
        ),
        (BOTH.replace("a.csv", "a.csv, changed: reload").replace("LIVE", LIVE), "sources.backfill.changed: is refuse"),
        (BOTH.replace("LIVE", f"{LIVE}, changed: reload"), "sources.live.changed: is about files"),
        (BOTH.replace("LIVE", f"{LIVE}, folders: [at]"), "sources.live.folders: is about files"),
        (BOTH.replace("LIVE", f"{LIVE}, from: {{0: -1}}"), "sources.live.from.0: must be at least 0"),
        (BOTH.replace("LIVE", f"{LIVE}, from: soon"), "sources.live.from: 'soon' is no date or time"),
        (
            BOTH.replace("a.csv", "a.csv, from: {0: 1}").replace("LIVE", LIVE),
            "sources.backfill.from: is about the offsets of a topic",
        ),
        (BOTH.replace("LIVE", "format: jsonl, topik: t"), "sources.live.topik: no such key; did you mean topic?"),
        (
            BOTH.replace("LIVE", LIVE) + "\nsource: {format: csv, path: a}",
            "sources: stands beside source; choose one",
        ),
        ("sources: {backfill: {format: csv, path: a.csv}}", "sources.live: is missing. The topic"),
        (f"source: {{{LIVE}, from: {{0: 1}}}}", "source.from: says what files hold"),
        ("key: [at]", "source: is missing. Where raw rows come from and how they are written; or `sources`."),
    ],
)
def test_what_no_hand_over_can_be_is_told(text, said):
    """Two of a kind, one of two, settings of the other, and no source at all."""
    with pytest.raises(SpecError) as refused:
        parse_data_set(CLICKS.replace("source: {SOURCE}", text), "clicks.yaml")
    assert said in str(refused.value)


def test_the_name_of_the_topic_does_not_decide_rows():
    """Another topic with the same messages gives the same contract, as another path does."""
    assert contract_digest(parsed("format: jsonl, topic: a")) == contract_digest(parsed("format: jsonl, path: a.jsonl"))


def placed(tmp_path, kafka):
    """A place with that section."""
    path = tmp_path / "place.yaml"
    path.write_text(f"place: here\nkafka: {kafka}\n")
    return load_place(str(path)).kafka


def test_a_place_names_the_brokers(tmp_path, monkeypatch):
    """Settings of librdkafka pass as they are written; a secret is looked up where it is used, and travels by name."""
    monkeypatch.setenv("SECRET", "hush")
    kafka = placed(tmp_path, "{servers: 'a:9092,b:9092', readers: 2, options: {sasl.password: '${SECRET}'}}")
    assert (kafka.servers, kafka.readers, kafka.options) == ("a:9092,b:9092", 2, {"sasl.password": "${SECRET}"})
    assert client_options(kafka.options) == {"sasl.password": "hush"}
    monkeypatch.delenv("SECRET")
    with pytest.raises(PlaceFailure, match=r"kafka.options.sasl.password: the environment variable SECRET is not set"):
        client_options(kafka.options)
    with pytest.raises(SpecError, match="the environment variable SECRET is not set"):
        placed(tmp_path, "{servers: a, options: {sasl.password: '${SECRET}'}}")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("group.id: mine", "group.id cannot stand here; Headrace sets it itself: the tables say where reading goes on"),
        ("bootstrap.servers: a", "bootstrap.servers cannot stand here; name the brokers under kafka.servers"),
        ("isolation.level: read_uncommitted", "isolation.level cannot stand here; Headrace sets it itself"),
        ("sasl_password: x", "librdkafka has no setting sasl_password; did you mean sasl.password?"),
    ],
)
def test_settings_that_decide_what_is_read_are_ours(tmp_path, options, said):
    """No place may change what is read, or how often."""
    with pytest.raises(SpecError) as refused:
        placed(tmp_path, f"{{servers: a, options: {{{options}}}}}")
    assert said in str(refused.value)
