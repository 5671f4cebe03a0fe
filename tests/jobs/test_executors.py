"""Executors of a cluster come when they come: they are waited for, and one hears of it."""

from types import SimpleNamespace

import pytest

from headrace.failures import PlaceFailure
from headrace.spec.place import SparkPlace
from jobs.cluster import executors
from jobs.cluster.executors import CHECK_INTERVAL, CHECK_TIMES, await_executors
from jobs.cluster.session import _settings, session
from jobs.cluster.tasks import slots


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        """Seconds since it was made."""
        return self.now

    def sleep(self, seconds):
        """Be later."""
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Of the module under test."""
    found = Clock()
    monkeypatch.setattr(executors, "time", found)
    return found


def _cluster(monkeypatch, clock, come, **conf):
    """A session on a cluster whose slots are `come(seconds)`."""
    conf = {key.replace("_", "."): value for key, value in conf.items()} | {CHECK_INTERVAL: "5s", CHECK_TIMES: "36"}
    monkeypatch.setattr(executors, "concurrent_tasks", lambda _: come(clock.now))
    monkeypatch.setattr(executors, "_seconds", lambda _, key, default: float(conf.get(key, default).removesuffix("s")))
    return SimpleNamespace(
        sparkContext=SimpleNamespace(
            master="spark://host:7077", getConf=lambda: SimpleNamespace(get=conf.get, getAll=conf.items)
        )
    )


def test_a_worker_that_registers_late_is_waited_for(monkeypatch, clock):
    """The second slot comes after 40 s, and what is waited for is told, but not every second."""
    said = []
    cluster = _cluster(monkeypatch, clock, lambda seconds: 1 + (seconds >= 40))
    await_executors(cluster, 2, lambda step, **figures: said.append((step, figures["slots"], figures["wanted"])))

    assert clock.now == 40
    assert said == [("waiting for executors", 1, 2)] * 3


def test_workers_that_never_fit_are_refused_with_both_numbers(monkeypatch, clock):
    """After the patience of Spark's own check, with the cures."""
    cluster = _cluster(monkeypatch, clock, lambda _: 1)

    with pytest.raises(PlaceFailure, match=r"spark://host:7077 has 1 slots after 180 s, but train\.workers is 2"):
        await_executors(cluster, 2)


def test_dynamic_allocation_is_refused_wherever_it_was_set(monkeypatch, clock):
    """Also in spark-defaults.conf, which only a session that has started knows: at once, with its own cure."""
    asked = {"spark_dynamicAllocation_enabled": " True"}
    with pytest.raises(PlaceFailure, match=r"its 2 workers from the start.*spark-defaults\.conf"):
        await_executors(_cluster(monkeypatch, clock, lambda _: 0, **asked), 2)
    assert clock.now == 0
    await_executors(_cluster(monkeypatch, clock, lambda _: 1, **asked))  # other work does not mind


def test_work_that_runs_on_any_number_of_slots_begins_with_what_there_is(monkeypatch, clock):
    """Executors that the conf asks for are waited for as long as Spark's scheduler would, then work begins."""
    asked = {"spark_executor_instances": "4", "spark_executor_cores": "2", "spark_task_cpus": "2"}
    await_executors(_cluster(monkeypatch, clock, lambda seconds: int(seconds // 5), **asked))
    assert clock.now == 20
    await_executors(_cluster(monkeypatch, clock, lambda _: 1, **asked))
    assert clock.now == 20 + 30


def test_a_place_goes_before_our_own_settings(spark):
    """What it says of patience holds; what time means is no matter of place."""
    own = {CHECK_TIMES: "40", "spark.ui.enabled": "true", "spark.sql.session.timeZone": "Europe/Berlin"}
    conf = _settings(SparkPlace(master="spark://host:7077", conf=own), delta=False)

    assert (conf.get(CHECK_TIMES), conf.get(CHECK_INTERVAL), conf.get("spark.ui.enabled")) == ("40", "5s", "true")
    assert conf.get("spark.sql.session.timeZone") == "UTC"


def test_slots_are_those_of_the_executors_that_are_there(spark):
    """Two on `local[2]`; three workers are refused at once."""
    assert slots(spark) == 2
    with (
        pytest.raises(PlaceFailure, match=r"local\[2\] has 2 slots.*train\.workers is 3"),
        session(SparkPlace(), "three", workers=3),
    ):
        raise AssertionError("there is no room")
