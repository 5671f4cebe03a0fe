"""Mutated files of every format through the whole ingest: no crash, no hang, rows add up, what is refused is named.

python -m benchmarks.mutated [--files N] [--format F] [--json]
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from benchmarks.mutated.files import COLUMNS, FORMATS, mutated
from headrace.lake.account_table import read_accounts
from headrace.lake.layout import DataSetFolder

_PATIENCE = 600  # seconds, of one step


def one_format(name: str, count: int, seed: int, folder: Path) -> dict[str, Any]:
    """Deliver `count` broken versions of a file beside the whole one, look at each alone, then ingest all at once."""
    make, ending, source = FORMATS[name]
    raw = folder / "raw"
    raw.mkdir()
    config = folder / "mutated" / "d.yaml"
    config.parent.mkdir()
    settings = {"dataset": "d", "source": {"path": f"raw/*{ending}", **source}, "contract": {"columns": COLUMNS}}
    config.write_text(json.dumps(settings))  # JSON is YAML
    content = make()
    (raw / f"whole{ending}").write_bytes(content)
    for n in range(count):
        (raw / f"{n:05}{ending}").write_bytes(mutated(content, random.Random(f"{seed} {n}")))  # noqa: S311
    looked = _call(folder, "benchmarks.mutated.looked_at", str(config))
    files = [json.loads(line) for line in looked.stdout.splitlines()]
    if looked.returncode:
        last = files[-1]["path"] if files else "none"
        raise SystemExit(f"{name}: ended with {looked.returncode} at the file behind {last}\n{looked.stderr}")
    told = [file["path"] for file in files if file["told"]]
    _stopped_by_name(folder, config, told)
    for path in told:
        (folder / path).unlink()
    began = time.monotonic()
    ended = _call(folder, "pipelines.ingest_batch", "--config", str(config), "--json")
    if ended.returncode:
        raise SystemExit(f"{name}: the ingest ended with {ended.returncode}\n{ended.stdout[-2000:]}{ended.stderr}")
    return {
        "files": len(files),
        "stop_a_plan": len(told),
        "slowest": round(max(file["seconds"] for file in files), 3),
        "seconds": round(time.monotonic() - began, 1),
        **_compared(folder, files),
    }


def _stopped_by_name(folder: Path, config: Path, told: list[str]) -> None:
    """A file that is no file of the data set ends the ingest, before anything is sealed, with its name."""
    if not told:
        return
    ended = _call(folder, "pipelines.ingest_batch", "--config", str(config), "--json")
    if ended.returncode != 3 or not any(path in ended.stdout for path in told):
        raise SystemExit(f"{told[0]} did not stop the ingest by name: {ended.returncode}\n{ended.stdout[-2000:]}")


def _compared(folder: Path, files: list[dict[str, Any]]) -> dict[str, Any]:
    """What the tables have, against the sums of the files looked at alone."""
    lake = DataSetFolder(str(folder / "lake"), "mutated", "d")
    (account,) = read_accounts(lake)
    damaged = {
        row["_file"]
        for row in DeltaTable(lake.quarantine).to_pyarrow_table().to_pylist()
        if any(reason.endswith(".damaged") for reason in row["reasons"])
    }
    rows = DeltaTable(lake.events).to_pyarrow_table().num_rows
    expected = sum(file["rows"] + file["refused"] for file in files)
    refused = {file["path"] for file in files if file["refused"]}
    return {
        "refused": len(damaged),
        "read": account.read,
        "accepted": account.accepted,
        "quarantined": account.quarantined,
        "exact": (account.read, account.accepted, account.refused, damaged) == (expected, rows, len(refused), refused),
    }


def _call(folder: Path, *module: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    call = [sys.executable, "-m", *module]
    return subprocess.run(call, cwd=folder, env=env, capture_output=True, text=True, timeout=_PATIENCE, check=False)  # noqa: S603


def main() -> int:
    """Every format; exit code 0 where each is exact."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutated", description=__doc__)
    parser.add_argument("--files", type=int, default=500, help="of each format")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", choices=FORMATS, action="append", help="this one")
    parser.add_argument("--json", action="store_true")
    call = parser.parse_args()
    results = {}
    for name in call.format or FORMATS:
        with tempfile.TemporaryDirectory(prefix="headrace-mutated-") as folder:
            results[name] = one_format(name, call.files, call.seed, Path(folder))
        if not call.json:
            print(f"{name}: " + ", ".join(f"{k} {v}" for k, v in results[name].items()), flush=True)
    if call.json:
        print(json.dumps({"seed": call.seed, "formats": results}, indent=1))
    return 0 if all(found["exact"] for found in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
