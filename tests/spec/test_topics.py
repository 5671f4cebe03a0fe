"""A data set's rows come from files or from a Kafka topic; a place names the brokers."""

import pytest

from headrace.spec.digest import contract_digest
from headrace.spec.faults import SpecError
from headrace.spec.project import load_place, parse_data_set

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
        ("format: csv, topic: a", "source.format: messages of a topic are one JSON object each: jsonl, not csv"),
        ("format: jsonl, topic: a b", "source.topic: is no name of a topic; those are up to 249 letters, digits"),
        ("format: jsonl, topic: ''", "source.topic: is no name of a topic"),
        ("format: jsonl, topic: ..", "source.topic: is no name of a topic"),
        ("format: jsonl, topic: a, compression: gzip", "source.compression: is about files, and the rows come from a"),
        ("format: jsonl, topik: a", "source.topik: no such key; did you mean topic?"),
    ],
)
def test_what_no_source_can_be_is_told(source, said):
    """Neither, both, another format, a name that Kafka refuses."""
    with pytest.raises(SpecError) as refused:
        parsed(source)
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
    """Settings of librdkafka pass as they are written; a secret comes from the environment."""
    monkeypatch.setenv("SECRET", "hush")
    kafka = placed(tmp_path, "{servers: 'a:9092,b:9092', readers: 2, options: {sasl.password: '${SECRET}'}}")
    assert (kafka.servers, kafka.readers, kafka.options) == ("a:9092,b:9092", 2, {"sasl.password": "hush"})


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
