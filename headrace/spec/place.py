"""A place: where things run and where they are kept; never what they mean."""

from datetime import timedelta

from pydantic import Field

from headrace.spec.values import Duration, Flag, Name, Section, Texts


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


class SparkPlace(Section):
    """The Spark master and its configuration."""

    master: str = "local[*]"
    """As spark-submit's --master."""
    conf: dict[str, str] = Field({})
    """Spark's configuration, as spark-submit's --conf."""
    shared: Flag = False
    """Whether a lake in a folder stands on a file system that every executor mounts."""
    peer_timeout: Duration = Field(timedelta(minutes=5), ge=timedelta(seconds=1))
    """How long a worker of a training waits for another one that says nothing."""


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
