"""Messages per second from a real broker to committed rows: ours, the plain loop, and the usual way, in one run.

python -m benchmarks.ingest_stream [--messages N] [--rounds N] [--restart] [--soak MINUTES] [--json]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import pyarrow.compute as pc
from deltalake import DeltaTable

from benchmarks.broker import broker
from benchmarks.ingest_stream import endless
from benchmarks.ingest_stream.project import write_project
from benchmarks.ingest_stream.topics import topic_of_orders

CONTENDERS = {
    "whole": "headrace: read, check, write Delta, prove, commit exactly once",
    "keyed": "the same with a key, whose repeats are looked for an hour back",
    "plain": "limit: confluent-kafka loop, checks in Arrow, write_deltalake",
    "elements": "usual: Beam, one message one element, same contract",
}
AIMS = {"plain": 0.6, "elements": 8.0}
"""How many times a peer's speed ours should reach."""


class Found(NamedTuple):
    """What is in the tables after a run, read back with deltalake."""

    accepted: int
    distinct: int  # order_id
    quantity: int  # sum
    quarantined: int


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all, alternating, and print medians and ratios."""
    options = _options(argv)
    with broker() as servers:
        if options.restart or options.soak:
            found: dict[str, Any] = {}
            if options.restart:
                found["restart"] = endless.restarts(servers, options.rounds)
            if options.soak:
                found["soak"] = endless.soak(servers, options.soak)
            print(json.dumps(found, indent=1))
            return 0
        return _throughput(servers, options)


def _throughput(servers: str, options: argparse.Namespace) -> int:
    few, many = (topic_of_orders(servers, count) for count in (options.element_messages, options.messages))
    topics = {name: few if name == "elements" else many for name in CONTENDERS}
    found: dict[str, Found] = {}
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    for number in range(1, options.rounds + 1):
        for name, topic in topics.items():
            run, rows = _run(name, servers, topic)
            if rows != found.setdefault(topic, rows):
                print(f"{name}: {rows}, another run had {found[topic]}; its speed means nothing", file=sys.stderr)
                return 1
            runs[name].append(run)
            if not options.json:
                print(f"round {number}: {name:8} {run['messages'] / run['seconds']:11,.0f} messages/s", flush=True)
    result = summary(runs) | {"messages": options.messages, "in_the_tables": found[many]._asdict()}
    print(json.dumps(result, indent=1) if options.json else _table(result))
    return 0


def summary(runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Medians per contender, and ours as a multiple of each peer: the median of the rounds' ratios."""
    speed: dict[str, dict[str, Any]] = {
        name: {
            "messages_per_second": round(median(run["messages"] / run["seconds"] for run in all_runs)),
            "messages_per_cpu_second": round(median(run["messages"] / run["cpu_seconds"] for run in all_runs)),
            "runs": all_runs,
        }
        for name, all_runs in runs.items()
    }
    ratios = {
        peer: {
            **{name: _ratio(runs["whole"], runs[peer], of) for name, of in _CLOCKS.items()},
            "aim": aim,
        }
        for peer, aim in AIMS.items()
    }
    key = {name: _ratio(runs["keyed"], runs["whole"], of) for name, of in _CLOCKS.items()}
    return {"speed": speed, "ratios": ratios, "with_a_key": key}


_OURS = ("whole", "keyed")
_CLOCKS = {"by_clock": "seconds", "by_processor": "cpu_seconds"}


def _ratio(ours: list[dict[str, float]], peers: list[dict[str, float]], of: str) -> float:
    rounds = zip(ours, peers, strict=True)
    return round(median(a["messages"] / a[of] / (b["messages"] / b[of]) for a, b in rounds), 3)


def _run(name: str, servers: str, topic: str) -> tuple[dict[str, float], Found]:
    """A whole process, from its start to its end, by the clock and by what it took of the processor."""
    with tempfile.TemporaryDirectory(prefix="headrace-benchmark-") as folder:
        command = [sys.executable, "-m", "benchmarks.ingest_stream.peer", name, servers, topic, folder]
        if name in _OURS:
            config = write_project(Path(folder), servers, topic, key=name == "keyed")
            command = [sys.executable, "-m", "pipelines.ingest_stream", "--json", "--config", str(config)]
            command += ["--place", str(Path(folder, "place.yaml"))]
        clock, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(  # noqa: S603  # every word is ours
            command, stdout=subprocess.DEVNULL, check=True, env=ONE_THREAD, preexec_fn=on_one_core
        )
        seconds, after = time.perf_counter() - clock, resource.getrusage(resource.RUSAGE_CHILDREN)
        rows = _read_back(Path(folder, "lake/shop/orders") if name in _OURS else Path(folder))
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"messages": rows.accepted + rows.quarantined, "seconds": seconds, "cpu_seconds": spent}, rows


ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "ARROW_IO_THREADS": "1"}
"""The environment in which Arrow takes one thread."""


def on_one_core() -> None:
    """Hold this process to one core; called in the child, before it has any thread."""
    if hasattr(os, "sched_setaffinity"):  # Linux
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _read_back(folder: Path) -> Found:
    events = DeltaTable(folder / "events").to_pyarrow_table(columns=["order_id", "quantity"])
    quarantined = DeltaTable(folder / "quarantine").to_pyarrow_table(columns=["raw"]).num_rows
    distinct = pc.count_distinct(events.column("order_id")).as_py()
    return Found(events.num_rows, distinct, pc.sum(events.column("quantity")).as_py(), quarantined)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest_stream", description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000_000)
    parser.add_argument("--element-messages", type=int, default=400_000, help="fewer, for it is slow")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--restart", action="store_true", help="instead: seconds from a kill's restart to a commit")
    parser.add_argument("--soak", type=int, default=0, metavar="MINUTES", help="instead: memory of an endless stream")
    parser.add_argument("--json", action="store_true", help="the result and every run as JSON")
    return parser.parse_args(argv)


def _table(result: dict[str, Any]) -> str:
    lines = [f"\n{'':66} {'messages/s':>12} {'per CPU s':>12}"]
    for name, speed in result["speed"].items():
        every, worked = speed["messages_per_second"], speed["messages_per_cpu_second"]
        lines.append(f"{CONTENDERS[name]:66} {every:12,} {worked:12,}")
    for peer, ratio in result["ratios"].items():
        lines.append(
            f"headrace / {peer:8} {ratio['by_clock']:6.2f} by the clock, {ratio['by_processor']:6.2f} by the "
            f"processor (aim: {ratio['aim']:g})"
        )
    key = result["with_a_key"]
    lines.append(f"with a key {key['by_clock']:.2f} of that by the clock, {key['by_processor']:.2f} by the processor")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
