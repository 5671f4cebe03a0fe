"""Raw bytes of quarantine go when they are old; the rows stay, and whoever reads an older version still has them."""

import datetime as dt
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from headrace.lake.commit import Token, commit_once, stored_token
from headrace.lake.compaction import Together, compact
from headrace.lake.data_files import DataFileWriter
from headrace.lake.data_set_tables import quarantine_schema
from headrace.lake.reading import read_file
from headrace.lake.retention import APART, forget_bytes, past_retention, rows_with_bytes
from headrace.lake.snapshot import open_snapshot
from headrace.lake.tables import create_table

DAY = dt.timedelta(days=1)
NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
SCHEMA = quarantine_schema().append(pa.field("key", pa.binary()))  # as of a topic


def append(root, plan, age, count=3):
    """Rows of one plan that were written so long before NOW."""
    row = {"_file": "a.csv", "raw": b"secret", "length": 6, "replayable": True, "reasons": ["n.type"], "key": b"who"}
    rows = [{**row, "_offset": n, "_plan": plan} for n in range(count)]
    with DataFileWriter(root, SCHEMA) as file:
        file.write(pa.RecordBatch.from_pylist(rows, SCHEMA))
        added = file.close()
    added = added._replace(modified=round((NOW - age).timestamp() * 1000))
    before = stored_token(root, "a")
    commit_once(root, [Token("a", (before or 0) + 1, before)], [added], info={})


@pytest.fixture
def root(tmp_path):
    """Quarantine of a year: one plan every ten days."""
    where = str(tmp_path / "quarantine")
    create_table(where, SCHEMA)
    for plan in range(36):
        append(where, plan, 10 * (36 - plan) * DAY)
    return where


def rows(root):
    return sorted(pa.table(DeltaTable(root).to_pyarrow_table()).to_pylist(), key=lambda r: (r["_plan"], r["_offset"]))


def test_only_what_is_older_loses_its_bytes(root):
    """Everything else of those rows stays; a second time there is nothing to do and no new version."""
    before = rows(root)
    assert rows_with_bytes(past_retention(open_snapshot(root), 95 * DAY, NOW)) == 27 * 3
    assert forget_bytes(root, 95 * DAY, NOW) == 27 * 3
    gone = {"raw": None, "key": None, "replayable": False}
    assert rows(root) == [{**row, **gone} if row["_plan"] < 27 else row for row in before]
    version = open_snapshot(root).version
    assert forget_bytes(root, 95 * DAY, NOW) == 0
    assert open_snapshot(root).version == version


def test_a_reader_of_an_older_version_still_has_them(root):
    """As an open replay is, whose version upkeep keeps."""
    version = open_snapshot(root).version
    forget_bytes(root, DAY, NOW)
    for file in open_snapshot(root, version).files:
        assert set(read_file(file.path, SCHEMA).column("raw").to_pylist()) == {b"secret"}


def test_files_that_are_put_together_do_not_grow_young(root):
    """Compacted again and again, no bytes are there a tenth of the retention after it, and none go before it."""
    kept = 100 * DAY
    written = {plan: NOW - 10 * (36 - plan) * DAY for plan in range(36)}
    for plan, day in enumerate(range(0, 48, 2), 100):
        moment = NOW + day * DAY
        written[plan] = moment
        append(root, plan, NOW - moment)
        compact(root, Together(apart=kept / APART))
        forget_bytes(root, kept, moment)
        ages = [(moment - written[row["_plan"]], row["raw"]) for row in rows(root)]
        assert all(raw is None for age, raw in ages if age > kept + kept / APART)
        assert all(raw is not None for age, raw in ages if age <= kept)
    assert len(open_snapshot(root).files) < len(written)


def test_appends_go_on_beside_it(root):
    """A run that writes quarantine meanwhile loses nothing and is refused nothing."""
    faults = []

    def write():
        try:
            for plan in range(100, 115):
                append(root, plan, dt.timedelta(0))
        except Exception as fault:  # noqa: BLE001  # whatever it is, the test tells it
            faults.append(fault)

    thread = threading.Thread(target=write)
    thread.start()
    for days in range(355, 5, -20):
        forget_bytes(root, days * DAY, NOW)
    thread.join()
    assert not faults
    found = rows(root)
    assert len(found) == (36 + 15) * 3
    assert all((row["raw"] is None) == (row["_plan"] < 35) for row in found)


KILLED = """
import datetime as dt, sys
from headrace.lake.retention import APART, forget_bytes
forget_bytes(sys.argv[1], dt.timedelta(days=1), dt.datetime(2026, 6, 1, tzinfo=dt.UTC))
"""


def test_killed_before_its_commit_it_has_done_nothing(root):
    """The table is as it was, and the next one does it all."""
    before, repository = rows(root), Path(__file__).parents[2]
    env = {"HEADRACE_FAULT_TESTS": "1", "HEADRACE_DIE_AT": "retention", "PYTHONPATH": str(repository)}
    ended = subprocess.run([sys.executable, "-c", KILLED, root], env=env, check=False, timeout=60)
    assert ended.returncode == -9
    assert rows(root) == before
    assert forget_bytes(root, DAY, NOW) == len(before)
