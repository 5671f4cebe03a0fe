"""The Java that Spark will run on: found and judged before a JVM is started."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from headrace.failures import PlaceFailure

VERSIONS = (17, 21)
CURE = "install a Java 17 or 21 runtime (Debian: apt-get install openjdk-17-jre-headless) and point JAVA_HOME at it"


def find_java() -> str:
    """The path of the `java` Spark will start: of JAVA_HOME, else of PATH.

    Raises:
        PlaceFailure: there is none, or it is neither 17 nor 21; says which and where.
    """
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None:
        raise PlaceFailure(f"Java is not installed: JAVA_HOME is not set and PATH has no java; {CURE}")
    if not os.access(java, os.X_OK):
        raise PlaceFailure(f"{java}: JAVA_HOME is {home}, but no java can be started there; {CURE}")
    try:
        run = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603  # the java Spark itself would start
        said = run.stderr + run.stdout
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise PlaceFailure(f"{java}: does not answer to -version ({failure}); {CURE}") from failure
    found = java_version(said)
    if found not in VERSIONS:
        known = f"is Java {found}" if found else f"does not say its version ({said.strip()[:80]!r})"
        where = f"JAVA_HOME is {home}" if home else "JAVA_HOME is not set, it comes from PATH"
        raise PlaceFailure(f"{java}: {known}, but Spark needs Java 17 or 21 ({where}); {CURE}")
    return java


def java_version(said: str) -> int | None:
    """The feature release in what `java -version` says.

    >>> java_version('openjdk version "17.0.15" 2025-04-15'), java_version('java version "1.8.0_402"')
    (17, 8)
    """
    if not (match := re.search(r'version "(?:1\.)?(\d+)', said)):
        return None
    return int(match[1])
