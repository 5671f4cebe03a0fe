"""A topic is ingested to its end: what a run does with messages, and what stops it, each with its cure."""

import json
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import polars as pl
import pytest
from apache_beam.utils.timestamp import MAX_TIMESTAMP
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions
from deltalake import DeltaTable
from typer.testing import CliRunner

from headrace.cli.main import app
from headrace.failures import Conflict, DataFailure, Failure, PlaceFailure
from headrace.lake.commit import last_info
from headrace.lake.layout import DataSetFolder
from headrace.lake.offsets import Part
from lib import clicks, shop
from pipelines import ingest_batch, ingest_stream
from pipelines.topic import look_at
from transforms import consumer_slot, write_parts
from transforms.consumer_slot import Fetched, slot_of
from transforms.read_kafka import KafkaSource, _Mark


@pytest.fixture
def web(broker, tmp_path, monkeypatch):
    """An empty topic of three partitions, and the project that reads it, in the working directory."""
    monkeypatch.chdir(tmp_path)
    topic = clicks.make_topic(broker)
    clicks.write_project(tmp_path, broker, topic)
    return topic


def run(capsys, *more, flow=ingest_stream, place="place.yaml"):
    """Exit code and last event of a run in this process."""
    code = flow.main(["--config", "web/clicks.yaml", "--place", place, "--json", *more])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def lake():
    return DataSetFolder("lake", "web", "clicks")


def delete_before(broker, offset):
    """What retention does, at once."""
    admin = AdminClient({"bootstrap.servers": broker})
    admin.delete_records([offset])[offset].result(20)


def ids():
    return DeltaTable(lake().events).to_pyarrow_table().column("id").to_pylist()


def test_a_topic_with_poison_is_in_the_tables_once(broker, web, capsys):
    """Pretty-printed JSON, tombstones, poison; then nothing new; then only what is new, by two readers."""
    sent = clicks.send(broker, web, range(2000), poison_every=20)
    code, done = run(capsys)
    assert code == 0, done
    assert (done["summary"]["read"], done["summary"]["accepted"]) == (sent, 2000)
    assert done["summary"]["reasons"]["message.null"] > 0
    assert run(capsys)[1]["summary"]["nothing_to_do"] is True
    more = clicks.send(broker, web, range(2000, 2600), poison_every=20)
    place = Path("place.yaml").read_text()
    Path("two.yaml").write_text(place.replace("{servers", "{readers: 2, servers"))
    code, done = run(capsys, place="two.yaml")
    assert (code, done["summary"]["read"]) == (0, more), done
    assert clicks.check_exact(Path(), broker, web).read == sent + more
    assert sorted(pl.read_delta(lake().events)["id"]) == sorted(ids())
    assert pl.read_delta(lake().quarantine).height == sent + more - 2600


def test_a_key_is_in_the_table_once(broker, web, capsys):
    """Messages sent twice, in one run and over two, on any partition; the account says how many were left out."""
    clicks.send(broker, web, range(300))
    clicks.send(broker, web, range(200, 250), poison_every=10, partitions=2)
    code, done = run(capsys)
    assert (code, done["summary"]["accepted"], done["summary"]["duplicate"]) == (0, 300, 50), done
    clicks.send(broker, web, range(290, 310), partitions=1)
    code, done = run(capsys)
    assert (code, done["summary"]["accepted"], done["summary"]["duplicate"]) == (0, 10, 10), done
    assert sorted(ids()) == list(range(310))
    assert last_info(lake().events)["stream"]["duplicates"] == "looked for by key, within 1h"
    window = Path("web/clicks.yaml").read_text().replace("key: [id]", "key: [id]\ndedupe: {within: 9d, max_bytes: 1mb}")
    Path("web/clicks.yaml").write_text(window)
    clicks.send(broker, web, range(50_000))
    code, done = run(capsys)
    assert (code, "dedupe.max_bytes allows 1,000,000. Shorten dedupe.within" in done["message"]) == (3, True), done


def test_people_are_told_of_a_topic_as_of_files(broker, web):
    """`headrace ingest` takes the stream's entry point; status, quarantine, metrics and history know its rows."""
    sent = clicks.send(broker, web, range(200), poison_every=20)
    with Path("place.yaml").open("a") as place:
        place.write("metrics: {folder: told}\n")

    def headrace(command, *more):
        said = CliRunner().invoke(app, [command, "web/clicks.yaml", "--place", "place.yaml", *more])
        assert said.exit_code == 0, said.output
        return said.stdout

    said = headrace("ingest")
    assert f"read {sent}, accepted 200, quarantined {sent - 200}" in said
    assert "duplicates: looked for by key, within " in said
    lag = [line for line in Path("told/web_clicks.prom").read_text().splitlines() if "headrace_lag_messages{" in line]
    assert [line.rpartition(" ")[2] for line in lag] == ["0", "0", "0"]
    assert f"{sent} = 200 + {sent - 200} + 0" in headrace("status")
    rows = [json.loads(line) for line in headrace("quarantine", "--json", "--most", "500").splitlines()]
    assert len(rows) == sent - 200
    assert {row["plan"] for row in rows} == {None}
    assert "offset" in headrace("quarantine", "--reason", "message.null")
    assert f'headrace_rows_total{{data_set="clicks",state="read"}} {sent}' in headrace("metrics")
    told = next(e for e in map(json.loads, headrace("history", "--json").splitlines()) if "read" in e["notes"])
    assert (told["what"], told["notes"]["topic"], told["notes"]["read"]) == ("rows added", web, sent)
    begun = [e for e in map(json.loads, headrace("history", "--json").splitlines()) if e["what"] == "begin"]
    assert [(e["table"], e["notes"]) for e in begun] == [
        (f"clicks/{t}", {"topic": web}) for t in ("quarantine", "events")
    ]


def test_only_committed_messages_are_rows_and_their_marks_are_no_gap(broker, web, capsys):
    """Of two transactions one is aborted; the token ends behind the last mark, so nothing is left to do."""
    for keep in (True, False):
        producer = Producer({"bootstrap.servers": broker, "transactional.id": uuid.uuid4().hex})
        producer.init_transactions(20)
        producer.begin_transaction()
        for number in range(10):
            producer.produce(web, clicks.click(number + 100 * keep), partition=0)
        producer.flush(20)
        (producer.commit_transaction if keep else producer.abort_transaction)(20)
    assert run(capsys)[0] == 0
    assert sorted(ids()) == list(range(100, 110))
    assert last_info(lake().events)["stream"]["offsets"] == {f"{web}/0": [0, 22]}
    assert run(capsys)[1]["summary"]["nothing_to_do"] is True


def test_a_long_backlog_is_committed_in_rounds(broker, web, capsys, monkeypatch):
    """A run that is ended every hour must not begin its backlog anew each time."""
    monkeypatch.setattr(ingest_stream, "ROUND", 120)
    sent = clicks.send(broker, web, range(250), poison_every=40)
    code, done = run(capsys)
    assert (code, done["summary"]["read"]) == (0, sent), done
    assert DeltaTable(lake().events).version() == 1 + 3  # made and begun, then three rounds
    assert clicks.check_exact(Path(), broker, web).read == sent


def test_late_rows_are_in_the_table_flagged_and_counted(broker, web, capsys):
    """Older than the declared lateness when the broker got it; the newest time is told beside."""
    producer = Producer({"bootstrap.servers": broker})
    for number in range(4):
        producer.produce(web, clicks.click(number, late=number == 2))
    producer.flush(20)
    done = run(capsys)[1]["summary"]
    assert (done["read"], done["late"]) == (4, 1)
    assert done["newest"].startswith(f"{clicks.START:%Y-%m-%dT%H:%M}")
    rows = DeltaTable(lake().events).to_pyarrow_table().select(["id", "_late"]).to_pylist()
    assert [row["id"] for row in rows if row["_late"]] == [2]


def test_partitions_added_between_runs_are_read_from_their_first_message(broker, web, capsys):
    """The next run takes them up; one that is at work stops, since it does not read them."""
    clicks.send(broker, web, range(30))
    assert run(capsys)[0] == 0
    admin = AdminClient({"bootstrap.servers": broker})  # held on to: without it the answer never comes
    admin.create_partitions([NewPartitions(web, 4)])[web].result(20)
    clicks.send(broker, web, range(30, 60), partitions=4)
    assert run(capsys)[0] == 0
    assert sorted(ids()) == list(range(60))


def test_a_broker_that_is_silent_for_long_stops_a_run(broker, web, monkeypatch, caplog):
    """A short silence is waited for; it is told once, and its end is."""
    monkeypatch.setattr(consumer_slot, "LOOK", 0.0)
    slot = slot_of(Fetched("127.0.0.1:1", (), web, (0,), 3))
    for _ in range(2):
        assert slot.poll({0: 0}, None) == []
    assert [line.getMessage() for line in caplog.records] == [
        "127.0.0.1:1: no Kafka broker answers; the run waits for one, 60 s at most"
    ]
    silent, slot._consumer = slot._consumer, Consumer({"bootstrap.servers": broker, "group.id": "test"})
    slot.poll({0: 0}, None)
    assert "a Kafka broker answers again" in caplog.messages[-1]
    slot._consumer = silent
    monkeypatch.setattr(consumer_slot, "PATIENCE", 0.0)
    with pytest.raises(PlaceFailure, match="no Kafka broker has answered"):
        slot.poll({0: 0}, None)


def test_a_topic_made_again_stops_the_run(broker, web, capsys):
    """The offsets would name other messages."""
    clicks.send(broker, web, range(10))
    assert run(capsys)[0] == 0
    admin = AdminClient({"bootstrap.servers": broker})
    admin.delete_topics([web])[web].result(20)
    while True:
        try:
            clicks.make_again(broker, web)
            break
        except KafkaException:  # it is still being deleted
            continue
    clicks.send(broker, web, range(100, 140))
    code, failed = run(capsys)
    assert code == 3
    assert "was deleted and made again" in failed["message"]
    assert sorted(ids()) == list(range(10))


def test_messages_deleted_unread_stop_the_run_until_somebody_accepts(broker, web, capsys):
    """Retention has passed the table's end: the run names the offsets; accepted, they stand in the log."""
    clicks.send(broker, web, range(30))
    assert run(capsys)[0] == 0
    clicks.send(broker, web, range(30, 60))
    delete_before(broker, TopicPartition(web, 1, 15))
    code, failed = run(capsys)
    assert code == 3
    assert f"{web}/1: 10..15" in failed["message"]
    assert "--accept-loss" in failed["message"]
    assert run(capsys, "--accept-loss")[0] == 0
    assert len(ids()) == 55


def add_a_partition(broker, topic):
    admin = AdminClient({"bootstrap.servers": broker})
    admin.create_partitions([NewPartitions(topic, 4)])[topic].result(20)


def delete_the_topic(broker, topic):
    admin = AdminClient({"bootstrap.servers": broker})
    admin.delete_topics([topic])[topic].result(20)


@pytest.mark.parametrize(
    ("happens", "exit_code", "said"),
    [
        (add_a_partition, Conflict.exit_code, "has 4 partitions now and had 3 when this run began"),
        (delete_the_topic, DataFailure.exit_code, "it is gone"),
        (lambda *topic: delete_before(topic[0], TopicPartition(topic[1], 0, 5)), DataFailure.exit_code, "retention"),
    ],
    ids=["grown", "deleted", "retention"],
)
def test_what_happens_to_a_topic_while_it_is_read_stops_the_run(
    broker, web, capsys, monkeypatch, happens, exit_code, said
):
    """After the run has looked at it, before it reads: the worker's own error and cure come out."""

    def look_before(topic, kafka):
        found = look_at(topic, kafka)
        happens(broker, web)
        return found

    clicks.send(broker, web, range(30))
    monkeypatch.setattr(ingest_stream, "look_at", look_before)
    monkeypatch.setattr(consumer_slot, "LOOK", 0.0)
    code, failed = run(capsys)
    assert code == exit_code
    assert said in failed["message"]
    assert ids() == []


def test_an_interrupted_run_says_the_call_that_goes_on(broker, web, capsys, monkeypatch):
    """With its place, and with what it was given for Beam, so that a person can paste it."""

    def interrupt(*_):
        raise KeyboardInterrupt

    clicks.send(broker, web, range(30))
    monkeypatch.setattr(ingest_stream.Launcher, "run", interrupt)
    code, failed = run(capsys, "--job_name", "my clicks")
    assert code == 130
    assert failed["message"].endswith(
        "call it again: python -m pipelines.ingest_stream --config web/clicks.yaml --place place.yaml --until now "
        "--job_name 'my clicks'"
    )


def test_a_contract_that_too_many_break_stops_the_run(broker, web, capsys):
    """The share is of a commit; nothing of it is there, and a mended contract goes on."""
    config = Path("web/clicks.yaml")
    sound = config.read_text()
    config.write_text(sound.replace("contract:\n", "contract:\n  stop_if: {quarantined_share: 0.01}\n"))
    sent = clicks.send(broker, web, range(100), poison_every=10)
    code, failed = run(capsys)
    assert code == 3
    assert "10 of 110 messages broke the contract, contract.stop_if allows 1 % of a commit" in failed["message"]
    config.write_text(sound)
    assert run(capsys)[0] == 0
    assert clicks.check_exact(Path(), broker, web).read == sent


def test_a_block_lost_on_the_way_stops_the_run(broker, web, capsys, monkeypatch):
    """The third negative control: a file that never arrives leaves a gap, and nothing behind it is committed."""
    clicks.send(broker, web, range(300))

    def lose(writer):
        part = keep(writer)
        return Part(tuple(span._replace(start=span.start + 5) for span in part.spans), part.files, part.account)

    keep = write_parts._Begun.part
    with monkeypatch.context() as patch:
        patch.setattr(write_parts._Begun, "part", lose)
        code, failed = run(capsys)
    assert code == Failure.exit_code
    assert "offsets never arrived" in failed["message"]
    assert f"{web}/0 0..5" in failed["message"]
    assert ids() == []


class Ends:
    """A table that ends at an offset of every partition."""

    def __init__(self, at):
        self.at = at

    def tokens(self, sources):
        """As a table tells them."""
        return dict.fromkeys(sources, self.at)


def test_a_worker_that_takes_over_begins_where_the_tables_end(broker):
    """A runner's checkpoint may be older than the tables: nothing they have is read again, no block is half in one."""
    topic = clicks.make_topic(broker, 1)
    clicks.send(broker, topic, range(100), partitions=1)
    tables = (Ends(30), Ends(45))
    source = KafkaSource(Fetched(broker, (), topic, (0,), 1), {0: 0}, {0: 100}, {}, 1, tables)
    reader = source.create_reader(None, _Mark({0: 10}))
    spans = []
    while reader.get_watermark() != MAX_TIMESTAMP:
        if reader.advance():
            spans.append(reader.get_current().origin[1:])
    assert spans[0][0] == 30
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
    assert spans[-1][1] == 100
    assert all(not start < 45 < end for start, end in spans)
    again = source.create_reader(None, reader.get_checkpoint_mark())  # the next bundle: the process is not new any more
    assert again.get_watermark() == MAX_TIMESTAMP


def test_calls_that_cannot_mean_anything_are_refused(broker, web, tmp_path, capsys, monkeypatch):
    """Files by the stream, a topic by the batch, no brokers, no topic, an endless run that never commits."""
    code, failed = run(capsys, flow=ingest_batch)
    assert code == 2
    assert "python -m pipelines.ingest_stream --config web/clicks.yaml" in failed["message"]
    for runner in ((), ("--runner", "direct")):
        code, failed = run(capsys, "--until", "forever", *runner)
        assert (code, "PrismRunner on one machine" in failed["message"]) == (2, True)
    Path("none.yaml").write_text("place: none\n")
    code, failed = run(capsys, place="none.yaml")
    assert (code, "write `place: here` and `kafka: {servers: 'host:9092'}`" in failed["message"]) == (2, True)
    config = Path("web/clicks.yaml")
    config.write_text(config.read_text().replace(web, web[:-1]))
    code, failed = run(capsys)
    assert (code, f"did you mean {web}?" in failed["message"]) == (2, True)
    orders = shop.write_project(tmp_path)
    assert ingest_stream.main(["--config", str(orders), "--json"]) == 2
    assert "come from files" in capsys.readouterr().out


def test_headrace_ingest_reads_a_topic(broker, web):
    """The command for people picks the pipeline by the source; status tells the account, plan that there is none."""
    clicks.send(broker, web, range(30), poison_every=10)

    def headrace(*words):
        call = [sys.executable, "-m", "headrace.cli", *words, "--place", "place.yaml"]
        return subprocess.run(call, capture_output=True, text=True, timeout=60, check=False)

    assert headrace("ingest", "web", "--json").returncode == 0
    assert sorted(ids()) == list(range(30))
    assert "account 33 = 30 + 3 + 0" in headrace("status", "web").stdout
    planned = headrace("plan", "web/clicks.yaml")
    assert (planned.returncode, "read without plans" in planned.stderr) == (2, True)


def test_ctrl_c_ends_a_run_that_was_begun_in_the_background():
    """A shell ignores it for what it puts there; inside it counts, and afterwards all is as it was."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), ingest_stream._ended_by_signals() as came:
            signal.raise_signal(signal.SIGINT)
        assert came == [signal.SIGINT]
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
