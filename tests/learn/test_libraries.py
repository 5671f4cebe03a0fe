"""Versions are known wherever the code came from."""

import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import headrace
from headrace.learn.libraries import deciding_versions

ROOT = Path(headrace.__file__).parents[1]

IN_A_ZIP = """
import sys
from importlib import metadata

sys.path.insert(0, sys.argv[1])
known = metadata.version

def version(name):
    if name in ("headrace", "xgboost-cpu", "delta-spark"):
        raise metadata.PackageNotFoundError(name)
    return known(name)

metadata.version = version  # as where code is shipped with --py-files and packages come from elsewhere
import headrace
from headrace.learn.libraries import deciding_versions, other_versions

assert headrace.__file__.startswith(sys.argv[1])
print(deciding_versions(), other_versions()["delta-spark"])
"""


def test_a_zip_knows_the_same_versions_as_an_installation(tmp_path):
    """Of itself, and of a library whose package has another name or no record of its installation."""
    package = tmp_path / "headrace.zip"
    with zipfile.ZipFile(package, "w") as archive:
        for path in (ROOT / "headrace").rglob("*.py"):
            archive.write(path, path.relative_to(ROOT))
    run = subprocess.run(
        [sys.executable, "-c", IN_A_ZIP, str(package)], capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == f"{deciding_versions()} unknown"
    assert deciding_versions()["xgboost-cpu"] == metadata.version("xgboost-cpu")


def test_the_package_says_the_version_the_project_has():
    """The code knows its version without being installed; there is one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert headrace.__version__ == project["version"] == deciding_versions()["headrace"]
