"""Look at the machine before a run does, and name the one command that cures each finding."""

import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from headrace import storage
from headrace.cli.children import run_child
from headrace.failures import PlaceFailure
from headrace.spec.place import BeamPlace
from headrace.spec.project import load_place

FREE_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    check: str
    ok: bool
    found: str
    cure: str = ""


def findings(place_file: str | None) -> list[Finding]:
    """Everything a run will need, in the order in which a newcomer would mend it."""
    place = load_place(place_file)
    found = [_python(), _packages()]
    # Java, jars and slots are Spark's matter; the jobs know how to look.
    found += _told("spark", "jobs.doctor", place_file)
    if place.beam != BeamPlace() or place.kafka.servers:
        found += _told("beam", "pipelines.doctor", place_file)
    found += [_loopback()]
    found += [_writable(name, root) for name, root in place.roots.model_dump().items()]
    return [*found, _disk(place.roots.lake)]


def _told(engine: str, module: str, place_file: str | None) -> list[Finding]:
    """What an engine's own doctor finds."""
    found: list[Finding] = []
    arguments = ["--place", place_file] if place_file else []
    outcome = run_child(module, arguments, lambda event: found.extend(_finding(event)))
    return found or [Finding(engine, ok=False, found=outcome.message, cure="scripts/setup")]


def _finding(event: dict[str, object]) -> list[Finding]:
    if event["event"] != "step":
        return []
    return [Finding(str(event["step"]), bool(event["ok"]), str(event["found"]), str(event["cure"]))]


def _python() -> Finding:
    found = f"{sys.version.split()[0]} at {sys.executable}"
    return Finding("python", (3, 12) <= sys.version_info < (3, 15), found, "scripts/setup")


def _packages() -> Finding:
    lines = [line.partition(";") for line in requires("headrace") or []]
    pinned = [line.split("==") for line, _, marker in lines if "==" in line and "extra" not in marker]
    wrong = [f"{name} {_version(name)} instead of {pin}" for name, pin in pinned if _version(name) != pin.strip()]
    found = ", ".join(wrong) or f"{len(pinned)} pinned versions as locked"
    return Finding("packages", not wrong, found, "scripts/setup")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(missing)"


def _loopback() -> Finding:
    cure = "free ports on 127.0.0.1, or loosen the sandbox: Spark and XGBoost's collective talk over it"
    try:
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
    except OSError as failure:
        return Finding("ports", ok=False, found=f"127.0.0.1: {failure.strerror}", cure=cure)
    return Finding("ports", ok=True, found="a port on 127.0.0.1 can be bound")


def _writable(name: str, root: str) -> Finding:
    def probe() -> None:
        storage.make_folder(root)

    return _tried(f"{name} folder", f"{root} can be written", probe, "name another root in a place file")


def _tried(check: str, fine: str, probe: Callable[[], None], cure: str) -> Finding:
    try:
        probe()
    except PlaceFailure as failure:
        return Finding(check, ok=False, found=str(failure), cure=cure)
    return Finding(check, ok=True, found=fine)


def _disk(root: str) -> Finding:
    if storage.on_a_store(root):
        root = tempfile.gettempdir()  # where files are written before they are uploaded
    there = next(p for p in (Path(root), *Path(root).absolute().parents) if p.exists())
    free = shutil.disk_usage(there).free
    found = f"{free / 1e9:.1f} GB free at {there}"
    return Finding("disk", free >= FREE_BYTES, found, "free some space, or move the lake")
