"""What a place lacks is said before a JVM starts, by name and with the cure."""

import hashlib
import json
from pathlib import Path

import pytest

from headrace.failures import PlaceFailure
from headrace.spec.place import Place, Roots, SparkPlace
from jobs import train as train_job
from jobs.cluster import jars
from jobs.cluster.java import find_java
from jobs.cluster.preflight import preflight
from jobs.doctor import main as doctor
from jobs.train import main
from lib.parcels import MODEL, Shop


def _java(folder, says):
    """A `java` that says this when asked for its version."""
    path = folder / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    path.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("says", "found"), [('openjdk version "11.0.2"', "Java 11"), ('java version "1.8.0_4"', "Java 8")]
)
def test_a_wrong_java_is_named_with_its_place(tmp_path, monkeypatch, says, found):
    """The version found, where it came from, and what to install."""
    home = _java(tmp_path / "jdk", says)
    monkeypatch.setenv("JAVA_HOME", str(home))

    with pytest.raises(PlaceFailure, match=rf"{home}/bin/java: is {found}, but Spark needs Java 17 or 21.*JAVA_HOME"):
        find_java()


def test_a_java_that_says_nonsense_is_refused(tmp_path, monkeypatch):
    """What it said is shown."""
    monkeypatch.setenv("JAVA_HOME", str(_java(tmp_path / "jdk", "hello")))

    with pytest.raises(PlaceFailure, match=r"does not say its version.*hello"):
        find_java()


def test_no_java_is_named_with_the_cure(tmp_path, monkeypatch):
    """Neither JAVA_HOME nor PATH has one; or JAVA_HOME points at nothing."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PlaceFailure, match=r"Java is not installed.*install a Java 17 or 21"):
        find_java()

    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(PlaceFailure, match=f"JAVA_HOME is {tmp_path}, but no java can be started there"):
        find_java()


@pytest.mark.parametrize("version", ["17.0.15", "21.0.4"])
def test_a_fitting_java_is_taken(tmp_path, monkeypatch, version):
    """17 and 21 pass, and JAVA_HOME is the one Spark will start."""
    home = _java(tmp_path / "jdk", f'openjdk version "{version}" 2025-04-15')
    monkeypatch.setenv("JAVA_HOME", str(home))

    assert find_java() == f"{home}/bin/java"


def test_missing_and_altered_jars_are_named_with_the_command(tmp_path, monkeypatch):
    """One line for each jar that is not the pinned one, and the command that fetches them."""
    monkeypatch.setenv("HEADRACE_JARS", str(tmp_path))
    (tmp_path / jars.JARS[0].file).write_bytes(b"something else")

    with pytest.raises(
        PlaceFailure, match=r"(?s)delta-spark.*SHA-256 differs.*delta-storage.*not there.*jobs\.cluster\.jars"
    ):
        preflight(Place(), delta=True)
    preflight(Place())  # a job that reads no Delta table through Spark needs none


def test_fetched_jars_must_have_the_pinned_digest(tmp_path, monkeypatch):
    """Other bytes than pinned are not installed, and what was there stays."""

    def retrieve(_java, jar, draft):
        (Path(draft) / jar.file).write_bytes(b"other")

    monkeypatch.setattr(jars, "_retrieve", retrieve)
    with pytest.raises(PlaceFailure, match="gave other bytes than pinned"):
        jars.fetch(tmp_path)
    assert not list(tmp_path.iterdir())

    pins = tuple(jar._replace(sha256=hashlib.sha256(b"other").hexdigest()) for jar in jars.JARS)
    monkeypatch.setattr(jars, "JARS", pins)
    assert jars.fetch(tmp_path)
    assert not jars.fetch(tmp_path)


def test_more_workers_than_slots_is_answered_before_a_session(tmp_path, monkeypatch, capsys):
    """Exit code 4, with both numbers and the cure; no session is asked for."""

    def no_session(*_, **__):
        raise AssertionError("a session was started")

    monkeypatch.setattr(train_job, "session", no_session)
    shop = Shop(tmp_path, model_text=MODEL.replace("workers: 2", "workers: 5"))
    place = tmp_path / "place.yaml"
    place.write_text(
        f"place: here\nroots: {{lake: {tmp_path}/lake, models: {tmp_path}/models}}\nspark: {{master: 'local[2]'}}\n"
    )

    assert main(["--config", shop.config, "--place", str(place)]) == 4
    assert "train.workers is 5, but local[2] has 2 slots" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spark", "message"),
    [
        ({"master": "spark://host:7077"}, r"lake: a folder of this machine.*spark://host:7077.*shared: true"),
        ({"conf": {"spark.dynamicAllocation.enabled": "true"}}, r"dynamicAllocation.enabled is true.*set it to false"),
        ({"master": "local[4]", "conf": {"spark.task.cpus": "2"}}, r"has 2 slots"),
    ],
)
def test_a_place_that_cannot_work_is_refused(spark, message):
    """A folder that executors do not see, executors that come and go, slots that tasks share."""
    with pytest.raises(PlaceFailure, match=message):
        preflight(Place(spark=SparkPlace(**spark)), workers=3)


def test_a_lake_that_all_executors_see_is_taken():
    """A shared file system, or storage by URI."""
    preflight(Place(spark=SparkPlace(master="yarn", shared=True)), workers=3)
    spark = SparkPlace(master="yarn", conf={"spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem"})
    preflight(Place(roots=Roots(lake="s3://lake", models="s3://models"), spark=spark), workers=3)


def test_a_lake_on_a_store_that_spark_does_not_know_is_refused():
    """Before a JVM starts, and with the settings that are lacking."""
    with pytest.raises(
        PlaceFailure, match=r"s3://lake: Spark has no file system for s3://.*spark\.hadoop\.fs\.s3\.impl"
    ):
        preflight(Place(roots=Roots(lake="s3://lake")))


def test_the_doctor_reports_each_finding_with_its_cure(tmp_path, monkeypatch, capsys):
    """One JSON line per thing looked at; exit code 4 where one is lacking, and the command that mends it."""
    monkeypatch.setenv("HEADRACE_JARS", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(_java(tmp_path / "jdk", 'openjdk version "17.0.15" 2025-04-15')))

    assert doctor(["--json"]) == 4
    java, delta, slots, done = map(json.loads, capsys.readouterr().out.splitlines())
    assert (java["step"], java["ok"], java["cure"]) == ("java", True, "")
    assert (delta["step"], delta["ok"], delta["cure"]) == ("jars", False, "scripts/setup")
    assert (slots["step"], slots["ok"]) == ("slots", True)
    assert done["summary"] == {"lacking": ["jars"]}
