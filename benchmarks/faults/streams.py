"""Streams: a topic is ingested beside its producer and a reader, and whoever ingests is killed."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from benchmarks.broker import broker
from benchmarks.faults.clicks import Clicks
from benchmarks.faults.reader import Reader, ids_of
from headrace.fault_points import POINTS
from headrace.lake.layout import DataSetFolder
from headrace.lake.stream_commit import stream_account

_REPOSITORY = Path(__file__).parents[2]
_ENTRY = ("-m", "pipelines.ingest_stream")
_UNLOCKED = ("-m", "benchmarks.faults.unlocked")
_POINTS = ("file", "commit", "committed", "clock", "clock")
_CONFLICT = 6
_INTERRUPTED = 130
_PATIENCE = 180.0  # seconds for a run that shall end, or catch up
_PRISM = """\
beam: {{runner: PrismRunner, options: {{prism_location: {prism}, prism_log_level: error, streaming: true}}}}
"""


@dataclass
class Found:
    """What was left when all was done."""

    kills: int  # that hit a run at work
    by: dict[str, int]  # how often at each point, `clock` for a random moment
    conflicts: int  # runs that ended by themselves because another one had committed in between
    produced: int  # messages
    rows: int  # in events
    distinct: int
    quarantined: int
    account: str  # the sums, read = accepted + quarantined + duplicate; of both tables alike
    reads: int  # whole reads of the growing table by a reader beside
    exact: bool


def bounded(kills: int, seed: int, folder: Path) -> dict[str, Any]:
    """`--until now` on FnApiRunner, again and again.

    Raises:
        RuntimeError: a run ended in another way than well or killed, or reader or producer failed.
    """
    return _scenario(kills, seed, folder, _bounded)


def endless(kills: int, seed: int, folder: Path) -> dict[str, Any]:
    """`--until forever` on Prism; the last run is told to end when it has caught up.

    Raises:
        RuntimeError: as above.
    """
    return _scenario(kills, seed, folder, _endless)


def copies(kills: int, seed: int, folder: Path) -> dict[str, Any]:
    """Two endless runs at once on the same tables, without the lock that forbids it, each begun again when it ends.

    Raises:
        RuntimeError: as above; a run may also end because the other one was faster.
    """
    return _scenario(kills, seed, folder, _copies)


def _scenario(kills: int, seed: int, folder: Path, flow: Callable[["_Work", int], None]) -> dict[str, Any]:
    random_ = random.Random(seed)  # noqa: S311  # which run dies where is no secret
    with broker() as servers:
        work = _Work(folder, servers, random_)
        with Reader(work.lake.events) as reader, work.clicks:
            flow(work, kills)
        return asdict(work.found(reader))


def _bounded(work: "_Work", kills: int) -> None:
    while work.kills.total() < kills:
        run = work.start("now", mortal=True)
        run.end(work.random.uniform(0.5, 6))
    work.clicks.rest()
    work.start("now").end()


def _endless(work: "_Work", kills: int) -> None:
    while work.kills.total() < kills:
        run = work.start("forever", mortal=True)
        run.end(work.random.uniform(4, 12), late=20)
    work.clicks.rest()
    work.finish()


def _copies(work: "_Work", kills: int) -> None:
    work.start("now").end()  # under the lock: who makes the tables is alone
    runs = [work.start("forever", mortal=True, entry=_UNLOCKED) for _ in "ab"]
    began = [time.monotonic()] * 2
    while work.kills.total() < kills:
        time.sleep(work.random.uniform(0.5, 4))
        for number, run in enumerate(runs):
            lives = time.monotonic() - began[number]
            if run.process.poll() is None and not (run.point == "clock" and lives > 6) and lives < 25:
                continue
            run.end(0)
            runs[number] = work.start("forever", mortal=True, entry=_UNLOCKED)
            began[number] = time.monotonic()
    for run in runs:
        run.end(0)
    work.clicks.rest()
    work.finish()


class _Work:
    def __init__(self, folder: Path, servers: str, random_: random.Random) -> None:
        self.folder, self.random = folder, random_
        self.clicks = Clicks(folder, servers, random.Random(random_.random()))  # noqa: S311  # as above
        self.lake = DataSetFolder(str(folder / "lake"), "web", "clicks")
        self.kills: Counter[str] = Counter()
        self.conflicts = 0
        prism = subprocess.run([_REPOSITORY / "scripts/prism"], capture_output=True, text=True, check=True)  # noqa: S603
        for name, beam in (("now", ""), ("forever", _PRISM.format(prism=prism.stdout.strip()))):
            (folder / f"{name}.yaml").write_text(f"place: {name}\nkafka: {{servers: '{servers}'}}\n{beam}")

    def start(self, until: str, *, mortal: bool = False, entry: tuple[str, ...] = _ENTRY) -> "_Run":
        """A run; a mortal one dies at a point, or is to be killed at a random moment."""
        point = self.random.choice(_POINTS) if mortal else ""
        env = {**os.environ, "PYTHONPATH": str(_REPOSITORY), "HEADRACE_FAULT_TESTS": "1"}
        if point in POINTS:
            env["HEADRACE_DIE_AT"] = f"{point}:{self.random.randint(1, 3 if until == 'now' else 8)}"
        call = [sys.executable, *entry, "--json", "--config", "web/clicks.yaml", "--place", f"{until}.yaml"]
        said = tempfile.TemporaryFile()  # noqa: SIM115  # it goes with the run
        process = subprocess.Popen(  # noqa: S603  # our own modules
            [*call, "--until", until], cwd=self.folder, env=env, stdout=said, stderr=said, start_new_session=True
        )
        return _Run(self, process, point, said)

    def finish(self) -> None:
        """One run that catches up and is told to end."""
        run = self.start("forever")
        until = time.monotonic() + _PATIENCE
        wanted = self.clicks.good + self.clicks.bad
        while run.process.poll() is None and time.monotonic() < until and self.rows() < wanted:
            time.sleep(0.5)
        time.sleep(3)  # both tables have their last commit
        os.killpg(run.process.pid, signal.SIGTERM)
        run.end()

    def rows(self) -> int:
        """How many are in both tables."""
        return sum(DeltaTable(root).to_pyarrow_table(columns=[]).num_rows for root in self.lake.committed.values())

    def found(self, reader: Reader) -> Found:
        """Count what is there."""
        ids = Counter(ids_of(self.lake.events))
        refused = pa.table(DeltaTable(self.lake.quarantine).to_pyarrow_table(columns=["_file", "_offset"]))
        places = len({tuple(row.values()) for row in refused.to_pylist()})
        accounts = [stream_account(root) for root in self.lake.committed.values()]
        good, bad = self.clicks.good, self.clicks.bad
        exact = (
            ids == Counter(range(good))
            and places == refused.num_rows == bad
            and accounts[0] == accounts[1]
            and (accounts[0].read, accounts[0].accepted, accounts[0].quarantined) == (good + bad, good, bad)
        )
        return Found(
            kills=self.kills.total(),
            by=dict(sorted(self.kills.items())),
            conflicts=self.conflicts,
            produced=good + bad,
            rows=ids.total(),
            distinct=len(ids),
            quarantined=refused.num_rows,
            account=" and ".join(
                sorted({f"{a.read:,} = {a.accepted:,} + {a.quarantined:,} + {a.duplicate:,}" for a in accounts})
            ),
            reads=reader.reads,
            exact=exact,
        )


class _Run:
    """A run in a process group of its own."""

    def __init__(self, work: _Work, process: subprocess.Popen[bytes], point: str, said: Any) -> None:
        self.work, self.process, self.point, self.said = work, process, point, said

    def end(self, after: float | None = None, late: float = 0) -> None:
        """Wait for its end, and count it.

        Args:
            after: seconds, after which one that has no point to die at is killed; None: it is to end by itself.
            late: seconds, after which it is killed also where it never came to its point; 0: it ends by itself.

        Raises:
            RuntimeError: it ended in another way than well, killed, interrupted or outrun, or not at all.
        """
        patience = _PATIENCE
        if after is not None and (self.point == "clock" or not after):
            patience = after
        elif late:
            patience = late
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            if patience == _PATIENCE:
                raise RuntimeError(f"a run did not end within {patience:.0f} s:\n{self._tail()}") from None
            self.point = "clock"
        code = self.process.returncode
        if code == -signal.SIGKILL:
            self.work.kills[self.point] += 1
        elif code == _CONFLICT:
            self.work.conflicts += 1
        elif code not in (0, _INTERRUPTED):
            raise RuntimeError(f"a run ended with {code}:\n{self._tail()}")
        self.said.close()

    def _tail(self) -> str:
        self.said.seek(0)
        return str(self.said.read().decode(errors="replace")[-4000:])
