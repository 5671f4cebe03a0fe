"""Files: ingest, replay and upkeep of one data set, killed by name and by the clock while a reader looks on."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from benchmarks.faults.reader import Reader, ids_of
from headrace.fault_points import POINTS
from headrace.lake.account_table import read_accounts
from headrace.lake.layout import DataSetFolder

_REPOSITORY = Path(__file__).parents[2]
_CONFLICT = 6
_START = datetime(2024, 1, 1, tzinfo=UTC)
_CONTRACT = """\
dataset: orders
source: {format: csv, path: raw/*.csv}
time: placed
contract:
  columns:
    id: {type: int, required: true}
    placed: {type: timestamp, required: true}
    shop: {type: string, required: true, in: [north, south%s]}
"""  # no key: what tokens miss would not be found as a duplicate
_CALLS = {
    "ingest": ["-m", "pipelines.ingest_batch", "--json", "--config", "shop/orders.yaml"],
    "replay": ["-m", "pipelines.replay", "--json", "--config", "shop/orders.yaml"],
    "upkeep": ["-m", "headrace.cli", "upkeep", "shop", "--older-than", "1h"],
}
_POINTS = {
    "ingest": ("sealed", "file", "commit", "tables", "committed", "accounted"),
    "replay": ("sealed", "file", "commit", "tables", "committed"),
    "upkeep": ("file", "compaction", "checkpoint"),
}


@dataclass
class Found:
    """What was left when all was done."""

    kills: int  # that hit a run at work
    by: dict[str, int]  # how often at each point, `clock` for a random moment
    produced: int  # rows
    rows: int  # in events
    distinct: int
    quarantined: int
    settled: int
    account: str  # the sums, read = accepted + quarantined + duplicate
    reads: int  # whole reads of the growing table by a reader beside
    exact: bool


def run(kills: int, seed: int, folder: Path) -> dict[str, Any]:
    """Kill so many runs, finish, and count.

    Raises:
        RuntimeError: a run ended in another way than well or killed, or the reader failed.
    """
    work = _Work(folder, random.Random(seed))  # noqa: S311  # which run dies where is no secret
    with Reader(work.lake.events) as reader:
        while work.kills.total() < kills:
            work.deliver()
            work.call(work.random.choices(list(_CALLS), weights=(4, 1, 1))[0], mortal=True)
        work.allow()
        # The first replay finishes what a killed one has sealed under the old contract.
        for name in ("ingest", "replay", "replay", "upkeep"):
            work.call(name, mortal=False)
    return asdict(work.found(reader))


class _Work:
    def __init__(self, folder: Path, random_: random.Random) -> None:
        self.folder, self.random = folder, random_
        self.lake = DataSetFolder(str(folder / "lake"), "shop", "orders")
        self.kills: Counter[str] = Counter()
        self.produced = self.bad = self.files = 0
        for name in ("raw", "shop"):
            (folder / name).mkdir(parents=True)
        (folder / "shop/orders.yaml").write_text(_CONTRACT % "")

    def allow(self) -> None:
        """From now on every row keeps the contract."""
        (self.folder / "shop/orders.yaml").write_text(_CONTRACT % ", nowhere")

    def deliver(self) -> None:
        """A new file, one row in fifty with a shop that is not allowed yet."""
        lines = ["id,placed,shop"]
        for number in range(self.produced, self.produced + self.random.randint(200, 3000)):
            shop = "nowhere" if number % 50 == 7 else ("north", "south")[number % 2]
            lines.append(f"{number},{_START + timedelta(minutes=number):%Y-%m-%dT%H:%M:%SZ},{shop}")
        self.produced += len(lines) - 1
        path = self.folder / "raw" / f"{self.files:05d}.csv"
        path.with_suffix(".tmp").write_text("\n".join(lines) + "\n")
        path.with_suffix(".tmp").rename(path)
        self.files += 1

    def call(self, name: str, *, mortal: bool) -> None:
        """One run; a mortal one is killed at a point or at a random moment, if it lives that long."""
        env = {**os.environ, "PYTHONPATH": str(_REPOSITORY), "HEADRACE_FAULT_TESTS": "1"}
        point = self.random.choice((*_POINTS[name], "clock", "clock")) if mortal else ""
        if point in POINTS:
            env["HEADRACE_DIE_AT"] = f"{point}:{self.random.randint(1, 2)}"
        process = subprocess.Popen(  # noqa: S603  # our own modules
            [sys.executable, *_CALLS[name]],
            cwd=self.folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        if point == "clock":
            try:
                process.wait(self.random.uniform(0.3, 4))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate(timeout=300)
        if process.returncode == -signal.SIGKILL:
            self.kills[point] += 1
        elif mortal and process.returncode == _CONFLICT:
            return  # a replay waits for the plan that a killed run has left open
        elif process.returncode:
            raise RuntimeError(f"{name} ended with {process.returncode}:\n{said}")

    def found(self, reader: Reader) -> Found:
        """Count what is there."""
        ids = Counter(ids_of(self.lake.events))
        bad = DeltaTable(self.lake.quarantine).to_pyarrow_table(columns=["_offset"]).num_rows
        settled = DeltaTable(self.lake.settlements).to_pyarrow_table(columns=["_offset"]).num_rows
        accounts = read_accounts(self.lake)
        sums = [sum(getattr(a, k) for a in accounts) for k in ("read", "accepted", "quarantined", "duplicate")]
        exact = (
            len(ids) == ids.total() == self.produced == sums[0] == sums[1] + sums[2] + sums[3]
            and settled == bad == sums[2]
        )
        return Found(
            kills=self.kills.total(),
            by=dict(sorted(self.kills.items())),
            produced=self.produced,
            rows=ids.total(),
            distinct=len(ids),
            quarantined=bad,
            settled=settled,
            account="{:,} = {:,} + {:,} + {:,}".format(*sums),
            reads=reader.reads,
            exact=exact,
        )
