"""Rows per second from raw CSV to a table: ours, the limit, and the usual way, in one run.

python -m benchmarks.ingest [--rows N] [--rounds N] [--bad SHARE] [--json]
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.ingest.orders import orders

CONTENDERS = {
    "whole": "headrace: plan, read, check, write Delta, settle, commit",
    "columns": "limit: pyarrow reads typed, writes Parquet, checks nothing",
    "elements": "usual: Beam, one row one element, same contract",
}
AIMS = {"columns": 0.5, "elements": 10.0}
"""How many times a peer's speed ours should reach."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all, alternating, and print medians and ratios."""
    options = _options(argv)
    folders = {
        name: orders(options.element_rows if name == "elements" else options.rows, options.bad)
        for name in CONTENDERS
        if name != "columns" or not options.bad  # a typed read ends at the first bad cell
    }
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in folders}
    for number in range(1, options.rounds + 1):
        for name, folder in folders.items():
            run = _run(name, folder)
            expected = options.element_rows if name == "elements" else options.rows
            if run["rows"] != expected:
                print(
                    f"{name}: {run['rows']:,} rows came out of {expected:,}; its speed means nothing", file=sys.stderr
                )
                return 1
            runs[name].append(run)
            if not options.json:
                print(f"round {number}: {name:8} {run['rows'] / run['seconds']:11,.0f} rows/s", flush=True)
    result = summary(runs) | {"rows": options.rows, "bad": options.bad}
    print(json.dumps(result, indent=1) if options.json else _table(result))
    return 0


def summary(runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Medians per contender, and ours as a multiple of each peer, by the clock and by the processor."""
    speed: dict[str, dict[str, Any]] = {
        name: {
            "rows_per_second": round(median(run["rows"] / run["seconds"] for run in all_runs)),
            "rows_per_cpu_second": round(median(run["rows"] / run["cpu_seconds"] for run in all_runs)),
            "runs": all_runs,
        }
        for name, all_runs in runs.items()
    }
    ratios = {
        peer: {
            "by_clock": round(speed["whole"]["rows_per_second"] / speed[peer]["rows_per_second"], 3),
            "by_processor": round(speed["whole"]["rows_per_cpu_second"] / speed[peer]["rows_per_cpu_second"], 3),
            "aim": aim,
        }
        for peer, aim in AIMS.items()
        if peer in speed
    }
    return {"speed": speed, "ratios": ratios}


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--element-rows", type=int, default=500_000, help="fewer, for it is slow")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bad", type=float, default=0.0, help="share of rows that break the contract, e.g. 0.005")
    parser.add_argument("--json", action="store_true", help="the result and every run as JSON")
    return parser.parse_args(argv)


def _run(name: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.ingest.measure", name, str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603  # every word is ours
    run: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return run


def _table(result: dict[str, Any]) -> str:
    lines = [f"\n{'':58} {'rows/s':>12} {'rows/CPU s':>12}"]
    for name, speed in result["speed"].items():
        lines.append(f"{CONTENDERS[name]:58} {speed['rows_per_second']:12,} {speed['rows_per_cpu_second']:12,}")
    for peer, ratio in result["ratios"].items():
        lines.append(
            f"headrace / {peer:8} {ratio['by_clock']:6.2f} by the clock, {ratio['by_processor']:6.2f} by the "
            f"processor (aim: {ratio['aim']:g})"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
