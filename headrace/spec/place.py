"""A place: where things run and where they are kept; never what they mean."""

from pydantic import Field

from headrace.spec.values import Name, Section


class Roots(Section):
    """Where tables, bundles and reports stand; relative to the working directory."""

    lake: str = "lake"
    models: str = "models"
    reports: str = "reports"


class BeamPlace(Section):
    """The Beam runner and its pipeline options, `--name=value` as Beam spells them."""

    runner: str = "FnApiRunner"
    options: dict[str, str] = {}


class SparkPlace(Section):
    """The Spark master and its configuration.

    `shared` says that a `file:` lake is a file system every executor mounts.
    """

    master: str = "local[*]"
    conf: dict[str, str] = {}
    shared: bool = False


class Place(Section):
    """One place file; without one, everything is local."""

    place: Name = "local"
    roots: Roots = Roots()
    beam: BeamPlace = Field(default=BeamPlace())
    spark: SparkPlace = Field(default=SparkPlace())
