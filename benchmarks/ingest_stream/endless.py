"""The endless stream on Prism: seconds from a restart to its first commit, and memory over minutes."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from confluent_kafka import Producer
from deltalake import DeltaTable

from benchmarks.ingest_stream.project import write_project
from benchmarks.ingest_stream.topics import PARTITIONS, new_topic, orders

RATE = 2_000
"""Messages that the producer beside sends in a second."""

_REPOSITORY = Path(__file__).parents[2]
_PATIENCE = 120.0
_PRISM = """\
beam: {{runner: PrismRunner, options: {{prism_location: {prism}, prism_log_level: error, streaming: true}}}}
"""


def restarts(servers: str, times: int) -> dict[str, Any]:
    """Kill a run in full flow so many times; seconds from each new start, imports and all, to its first commit."""
    with _project(servers) as project, project.producing():
        project.start()
        seconds = []
        for _ in range(times):
            project.wait_for_commit()
            os.killpg(project.run.pid, signal.SIGKILL)
            project.run.wait()
            began = time.monotonic()
            project.start()
            project.wait_for_commit()
            seconds.append(round(time.monotonic() - began, 1))
        project.end()
        return {"seconds": seconds, "median": median(seconds), "slowest": max(seconds), "aim": 30}


def soak(servers: str, minutes: int) -> dict[str, Any]:
    """One run beside the producer; once a minute, what its processes hold in memory."""
    with _project(servers) as project:
        with project.producing():
            project.start()
            project.wait_for_commit()
            began, series = time.monotonic(), []
            for minute in range(minutes + 1):
                time.sleep(max(0.0, began + 60 * minute - time.monotonic()))
                series.append({"minute": minute, **_memory(project.run.pid), "rows": project.rows()})
                print(series[-1], file=sys.stderr, flush=True)
        deadline = time.monotonic() + _PATIENCE
        while project.rows() < project.produced and time.monotonic() < deadline:
            time.sleep(1)
        project.end()
        return {"series": series, "produced": project.produced, "rows": project.rows()}


class _Project:
    def __init__(self, folder: Path, servers: str, topic: str) -> None:
        self._folder, self._servers, self._topic = folder, servers, topic
        self.produced = 0
        script = subprocess.run([_REPOSITORY / "scripts/prism"], capture_output=True, text=True, check=True)  # noqa: S603
        beam = _PRISM.format(prism=script.stdout.strip())
        self._config = write_project(folder, servers, topic, beam=beam)
        self._tables = [folder / "lake/shop/orders" / name for name in ("events", "quarantine")]

    def start(self) -> None:
        """A run until forever, in a process group of its own."""
        call = [sys.executable, "-m", "pipelines.ingest_stream", "--json", "--config", str(self._config)]
        call += ["--place", str(self._folder / "place.yaml"), "--until", "forever"]
        with (self._folder / "run.log").open("ab") as said:
            self.run = subprocess.Popen(call, stdout=said, stderr=said, start_new_session=True)  # noqa: S603  # our own

    def wait_for_commit(self) -> None:
        """Until both tables have more rows than now.

        Raises:
            RuntimeError: the run has ended, or commits nothing.
        """
        before, deadline = self.rows(), time.monotonic() + _PATIENCE
        while self.rows() == before:
            if self.run.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nothing was committed: {(self._folder / 'run.log').read_text()[-3000:]}")
            time.sleep(0.1)

    def rows(self) -> int:
        """How many are in both tables, by their log."""
        found = [DeltaTable(root) for root in self._tables if DeltaTable.is_deltatable(str(root))]
        return sum(sum(table.get_add_actions().column("num_records").to_pylist()) for table in found)

    def end(self) -> None:
        """Told to end, it does."""
        os.killpg(self.run.pid, signal.SIGTERM)
        self.run.wait(_PATIENCE)

    @contextmanager
    def producing(self) -> Iterator[None]:
        """A producer beside."""
        stop = threading.Event()
        beside = threading.Thread(target=self._produce, args=(stop,))
        beside.start()
        try:
            yield
        finally:
            stop.set()
            beside.join()

    def _produce(self, stop: threading.Event) -> None:
        producer = Producer({"bootstrap.servers": self._servers, "enable.idempotence": True, "log_level": 0})
        given = orders(0, 10 * RATE)
        began = time.monotonic()
        while not stop.wait(0.1):
            due = int((time.monotonic() - began) * RATE)
            for number in range(self.produced, due):
                producer.produce(self._topic, given[number % len(given)], partition=number % PARTITIONS)
            self.produced = due
            producer.poll(0)
        producer.flush(60)


@contextmanager
def _project(servers: str) -> Iterator[_Project]:
    with tempfile.TemporaryDirectory(prefix="headrace-benchmark-") as folder:
        project = _Project(Path(folder), servers, new_topic(servers))
        try:
            yield project
        finally:
            if project.run.poll() is None:
                os.killpg(project.run.pid, signal.SIGKILL)
                project.run.wait()


def _memory(pid: int) -> dict[str, int]:
    """MB of the run and of the Prism that it has started, and the run's threads (Linux only)."""
    found: dict[str, int] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            facts = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:  # it has just ended
            continue
        if pid in (int(facts["Pid"]), int(facts["PPid"])) and "VmRSS" in facts:
            name = "python" if int(facts["Pid"]) == pid else facts["Name"].strip().partition("-")[0]
            found[f"{name}_mb"] = int(facts["VmRSS"].split()[0]) // 1024
            if name == "python":
                found["threads"] = int(facts["Threads"])
    return found
