"""The window of keys says what a plain dictionary of the table's rows would, however rows came into it."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.failures import DataFailure
from headrace.lake import key_window
from headrace.lake.commit import Token, commit_once
from headrace.lake.data_files import write_small
from headrace.lake.key_window import KeyWindow, StreamKey, prove_fits
from headrace.lake.tables import create_table
from headrace.lake.without_repeats import without_repeats
from headrace.lake.written import Written
from headrace.rows.block import Origin

SCHEMA = pa.schema([("id", pa.int64()), ("at", pa.timestamp("us", tz="UTC"))])
START = datetime(2026, 1, 1, tzinfo=UTC)
A = Origin("a", 0, 1)
HOUR = StreamKey(("id",), "at", timedelta(hours=1), refuse=False, most_bytes=10**9)


def rows(pairs):
    """Rows of (id, minutes since the start)."""
    columns = {
        "id": [i for i, _ in pairs],
        "at": [None if m is None else START + timedelta(minutes=m) for _, m in pairs],
    }
    return pa.RecordBatch.from_pydict(columns, schema=SCHEMA)


class Log:
    """A table and its commits."""

    def __init__(self, root):
        self.root, self.commits = str(root), 0
        create_table(self.root, SCHEMA)

    def written(self, pairs):
        """A file that no commit names yet."""
        return write_small(self.root, rows(pairs))[0]

    def commit(self, *files):
        """The version that adds the files."""
        self.commits += 1
        token = Token("test", self.commits, self.commits - 1 or None)
        return commit_once(self.root, [token], files, info={}).version


@pytest.fixture
def log(tmp_path):
    """An empty table."""
    return Log(tmp_path / "events")


PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 300)), min_size=1, max_size=8)
STEPS = st.lists(st.tuples(st.sampled_from(["ours", "rival", "begin again", "compact"]), PAIRS), min_size=1, max_size=9)


@given(STEPS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_repeats_are_those_of_a_dictionary(tmp_path_factory, steps):
    """Of commits of its own and of others, after a start in the middle, and after a compaction."""
    log = Log(tmp_path_factory.mktemp("log") / "events")
    window, there = KeyWindow(log.root, HOUR), []
    for kind, pairs in steps:
        if kind == "begin again":
            window = KeyWindow(log.root, HOUR)
        elif kind == "compact":
            DeltaTable(log.root).optimize.compact()
        window.catch_up()
        file = log.written(pairs)
        expected, kept = [], list(there)
        for place, (number, minute) in enumerate(pairs):
            if any(n == number and abs(m - minute) <= 60 for n, m in kept):
                expected.append(place)
            else:
                kept.append((number, minute))
        keys = window.keys(file.name)
        (found,) = window.verdict([keys]).repeats
        assert found.tolist() == expected
        if kind == "rival":
            log.commit(file)
            there += pairs
            continue
        (ours,) = without_repeats(log.root, [Written(file, ((A, file.rows),))], {A: found}) or [None]
        version = log.commit(*([ours.added] if ours else []))
        window.committed(version, keys.without(found))
        there = kept


def test_files_of_one_commit_are_looked_at_in_their_order(log):
    """The first of them keeps the row."""
    window = KeyWindow(log.root, HOUR)
    window.catch_up()
    files = [window.keys(log.written([(1, 0), (2, 0)]).name), window.keys(log.written([(3, 0), (1, 0), (2, 9)]).name)]
    assert [found.tolist() for found in window.verdict(files).repeats] == [[], [1, 2]]


def test_old_keys_leave_the_memory(log, monkeypatch):
    """What it holds is bounded by the window, not by how long it runs."""
    monkeypatch.setattr(key_window, "_ROOMY", 15 * 24)
    window = KeyWindow(log.root, StreamKey(("id",), "at", timedelta(minutes=10), refuse=False, most_bytes=40 * 24))
    for minute in range(50):
        window.catch_up()
        file = log.written([(minute, minute)])
        window.committed(log.commit(file), window.keys(file.name))
    assert window.verdict([window.keys(log.written([(49, 49), (0, 0)]).name)]).repeats[0].tolist() == [0]


def test_a_window_that_does_not_fit_is_refused(log, monkeypatch):
    """When it begins, and while it runs; rows that are older do not count."""
    monkeypatch.setattr(key_window, "_ROOMY", 0)
    log.commit(log.written([(n, 0) for n in range(100)]))
    log.commit(log.written([(n, 240) for n in range(60)]))
    fits = StreamKey(("id",), "at", timedelta(hours=1), refuse=False, most_bytes=60 * 24)
    prove_fits(log.root, fits)
    window = KeyWindow(log.root, fits)
    window.catch_up()
    tight = StreamKey(("id",), "at", timedelta(hours=4), refuse=False, most_bytes=159 * 24)
    for look in (lambda: prove_fits(log.root, tight), KeyWindow(log.root, tight).catch_up):
        with pytest.raises(DataFailure, match=r"those are 160 rows, whose keys take 3,840 bytes of memory; dedupe.max"):
            look()
    log.commit(log.written([(99, 241)]))
    with pytest.raises(DataFailure, match="those are 61 rows"):
        window.catch_up()


def test_neither_lateness_nor_the_future_hide_a_repeat(log):
    """A message that comes late is sent twice; a row of next year makes no other row old; rows without a time count."""
    late = StreamKey(("id",), "at", timedelta(hours=1), refuse=False, most_bytes=10**9, lateness=timedelta(days=2))
    window = KeyWindow(log.root, late)
    window.catch_up()
    year = (datetime.now(UTC) - START) // timedelta(minutes=1) + 500_000
    for pairs in ([(1, 3000)], [(2, 10)], [(3, year)], [(4, None), (9, 0)]):
        window.catch_up()
        file = log.written(pairs)
        window.committed(log.commit(file), window.keys(file.name))
    for again in (window, KeyWindow(log.root, late)):
        again.catch_up()
        found = again.verdict([again.keys(log.written([(2, 10), (1, 3001), (3, year), (4, 77), (5, 1), (1, 9)]).name)])
        assert found.repeats[0].tolist() == [0, 1, 2, 3]


def test_a_verdict_does_not_depend_on_commits(log):
    """The same key two hours apart is two rows, in one commit as in two."""
    window = KeyWindow(log.root, HOUR)
    window.catch_up()
    both = window.keys(log.written([(1, 0), (1, 120), (1, 130), (1, 40)]).name)
    assert window.verdict([both]).repeats[0].tolist() == [2, 3]
