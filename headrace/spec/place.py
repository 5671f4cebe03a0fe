"""A place: where things run and where they are kept; never what they mean."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from headrace.nearest import nearest
from headrace.spec.values import Duration, Flag, Name, Section, Texts, Whole, duration_text


class Roots(Section):
    """Where tables, bundles and reports stand; relative to the working directory."""

    lake: str = "lake"
    """The tables."""
    models: str = "models"
    """The bundles."""
    reports: str = "reports"
    """The reports."""


class BeamPlace(Section):
    """The Beam runner and its pipeline options, named as Beam spells them, without the dashes."""

    runner: str = "FnApiRunner"
    """Beam's name of the runner."""
    options: dict[str, Texts] = Field({})
    """Its pipeline options: a value, several of them, or true or false for a switch."""
    service_options: dict[str, Texts] = Field({})
    """Options that only the runner's job service knows; they are passed on as they are."""
    shared: Flag = False
    """Whether a lake in a folder stands on a file system that every worker mounts at the same path."""


def _a_second_at_least(patience: timedelta) -> timedelta:
    if patience < timedelta(seconds=1):
        raise ValueError(f"{duration_text(patience)} is too short to wait for anybody; write 1s or more")
    return patience


class SparkPlace(Section):
    """The Spark master and its configuration."""

    master: str = "local[*]"
    """As spark-submit's --master."""
    conf: dict[str, str] = Field({})
    """Spark's configuration, as spark-submit's --conf."""
    shared: Flag = False
    """Whether a lake in a folder stands on a file system that every executor mounts."""
    peer_timeout: Annotated[Duration, AfterValidator(_a_second_at_least)] = timedelta(minutes=5)
    """How long a worker of a training waits for another one that says nothing."""


_KEPT = {  # what decides whether every message is read once
    "bootstrap.servers": "name the brokers under kafka.servers",
    **dict.fromkeys(
        ("auto.offset.reset", "enable.auto.commit", "enable.auto.offset.store", "enable.partition.eof", "group.id"),
        "Headrace sets it itself: the tables say where reading goes on",
    ),
    "isolation.level": "Headrace sets it itself: only committed messages are rows",
}


def _not_kept(options: dict[str, str]) -> dict[str, str]:
    for name in options:
        if name in _KEPT:
            raise ValueError(f"{name} cannot stand here; {_KEPT[name]}")
        if "_" in name:
            raise ValueError(f"librdkafka has no setting {name}; {nearest(name, [name.replace('_', '.')])}")
    return options


class KafkaPlace(Section):
    """The brokers of a Kafka cluster."""

    servers: str = ""
    """host:port of some of its brokers, with commas between."""
    readers: Annotated[Whole, Field(ge=1, le=1024)] = 1
    """How many consumers share the partitions of a topic; one where the runner is Prism."""
    options: Annotated[dict[str, str], AfterValidator(_not_kept)] = Field({})
    """Settings of librdkafka as it spells them, for example security.protocol; secrets by ${NAME}, which every worker
    looks up in its own environment."""


class MetricsPlace(Section):
    """Where runs that go on and on tell how they are, for Prometheus' collector of files."""

    folder: str = ""
    """The folder in which each keeps a file `<project>_<data set>.prom`; empty: none is kept."""
    every: Annotated[Duration, AfterValidator(_a_second_at_least)] = timedelta(minutes=1)
    """How often it is written anew."""


class Place(Section):
    """One place file; without one, everything is local."""

    place: Name = "local"
    """The name."""
    roots: Roots = Roots()
    """Where tables, bundles and reports stand."""
    beam: BeamPlace = Field(default=BeamPlace())
    """The Beam runner."""
    spark: SparkPlace = Field(default=SparkPlace())
    """The Spark master."""
    kafka: KafkaPlace = Field(default=KafkaPlace())
    """The Kafka cluster that topics are read from."""
    metrics: MetricsPlace = Field(default=MetricsPlace())
    """Where endless runs tell how they are."""
    on_alarm: str = ""
    """A shell command that is run where a step or entry point fails, with step, config, exit_code and message as JSON
    on its input."""
