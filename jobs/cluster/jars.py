"""The two Delta jars: which they are, where they lie, how they are fetched.

Ivy, which ships inside pyspark, fetches them: no Maven, no host name here, and a
user's own mirror settings are honoured.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from headrace.failures import PlaceFailure
from jobs.cluster.java import find_java


class Jar(NamedTuple):
    """One jar by its Maven coordinates and the SHA-256 of its bytes."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        """The name it is kept under."""
        return f"{self.artifact}-{self.version}.jar"


JARS = (
    Jar(
        "io.delta",
        "delta-spark_4.2_2.13",
        "4.4.0",
        "27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead",
    ),
    Jar(
        "io.delta",
        "delta-storage",
        "4.4.0",
        "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc",
    ),
)
CURE = "fetch it with: python -m jobs.cluster.jars"
_PATIENCE = 300  # seconds for one download


def folder() -> Path:
    """Where the jars are kept: $HEADRACE_JARS, else `.cache/jars` beside the code."""
    return Path(os.environ.get("HEADRACE_JARS") or Path(__file__).parents[2] / ".cache" / "jars")


def missing(place: Path) -> list[str]:
    """What keeps the folder from being used, one line per jar; empty when both are whole."""
    faults = []
    for jar in JARS:
        path = place / jar.file
        if not path.is_file():
            faults.append(f"{path}: the Delta jar is not there")
        elif _digest(path) != jar.sha256:
            faults.append(f"{path}: not the jar that was pinned (SHA-256 differs)")
    return faults


def fetch(place: Path) -> bool:
    """Both jars are in the folder afterwards, with the pinned digests; False when they already were.

    Each is fetched beside the folder and moved in when its digest fits.

    Raises:
        PlaceFailure: no Java, no way to a Maven repository, or other bytes than pinned.
    """
    if not missing(place):
        return False
    java = find_java()
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, prefix=".fetch-") as draft:
        for jar in JARS:
            _retrieve(java, jar, draft)
            if _digest(Path(draft) / jar.file) != jar.sha256:
                raise PlaceFailure(
                    f"{jar.file}: the repository gave other bytes than pinned (SHA-256 differs); "
                    "nothing was installed. Check the mirror in your Ivy or Maven settings"
                )
        for jar in JARS:
            (Path(draft) / jar.file).replace(place / jar.file)
    return True


def _retrieve(java: str, jar: Jar, draft: str) -> None:
    import pyspark  # noqa: PLC0415  # only its jars are wanted, and only when something is missing

    ivy = Path(pyspark.__file__).parent / "jars" / "*"
    command = [java, "-cp", str(ivy), "org.apache.ivy.Main", "-cache", f"{draft}/.ivy", "-confs", "default"]
    command += ["-dependency", jar.group, jar.artifact, jar.version, "-notransitive", "-types", "jar"]
    command += ["-warn", "-retrieve", f"{draft}/[artifact]-[revision].[ext]"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)  # noqa: S603  # every word is ours
        said, found = (run.stdout + run.stderr).strip(), (Path(draft) / jar.file).is_file()
    except subprocess.TimeoutExpired:
        said, found = f"no answer within {_PATIENCE} s", False
    if not found:
        shutil.rmtree(f"{draft}/.ivy", ignore_errors=True)
        raise PlaceFailure(
            f"{jar.group}:{jar.artifact}:{jar.version}: Ivy could not fetch it: {said[-600:]}. It needs a way "
            f"to a Maven repository; without one, put {jar.file} into a folder and name that in HEADRACE_JARS"
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """Fetch what is missing, say one line; exit code 4 when it cannot be done."""
    place = folder()
    try:
        fetched = fetch(place)
    except PlaceFailure as failure:
        sys.stderr.write(f"jars: {failure}\n")
        return failure.exit_code
    state = "fetched into" if fetched else "are up to date in"
    sys.stdout.write(f"jars: the Delta jars {state} {place}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
