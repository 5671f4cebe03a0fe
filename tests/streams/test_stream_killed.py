"""Stream ingest may die anywhere; run again, every message is in one table once and the account is closed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from deltalake import DeltaTable

from headrace.failures import Conflict, Failure
from headrace.lake.layout import DataSetFolder
from lib import clicks

TRUSTING = Path(clicks.__file__).parent / "stream_trusts.py"
KILLED = -signal.SIGKILL
SILENCE = 8.0  # seconds


@pytest.fixture
def web(broker, tmp_path):
    """A topic with 3,000 clicks and poison among them, not yet ingested; and how a run of it is called."""
    topic = clicks.make_topic(broker)
    config = clicks.write_project(tmp_path, broker, topic)
    sent = clicks.send(broker, topic, range(3000), poison_every=50)
    return Web(tmp_path, broker, topic, str(config), sent)


class Web:
    """The project and its broker."""

    def __init__(self, folder, servers, topic, config, sent):
        self.folder, self.servers, self.topic, self.config, self.sent = folder, servers, topic, config, sent
        self.lake = DataSetFolder(str(folder / "lake"), "web", "clicks")

    @contextmanager
    def start(self, *more, die_at="", call=("-m", "pipelines.ingest_stream", "--json", "--config")):
        """A run in a process group of its own, which dies at a point where that is named; none is left behind."""
        call = [sys.executable, *call, self.config, *more]
        here = os.pathsep.join(sys.path)
        env = {**os.environ, "PYTHONPATH": here, "HEADRACE_FAULT_TESTS": "1", "HEADRACE_DIE_AT": die_at}
        where = {"cwd": self.folder, "env": env, "start_new_session": True, "text": True}
        with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **where) as run:
            try:
                yield run
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(run.pid, signal.SIGKILL)

    def run(self, die_at=""):
        """A run to its end: exit code and what it said."""
        with self.start("--place", "place.yaml", die_at=die_at) as run:
            said, trace = run.communicate(timeout=120)
        return run.returncode, said, trace

    def run_trusting(self, what, die_at=""):
        """A run to its end of one that is broken on purpose: its exit code."""
        with self.start("place.yaml", self.servers, die_at=die_at, call=(str(TRUSTING), what)) as run:
            _, trace = run.communicate(timeout=120)
        sys.stderr.write(trace)  # shown where the test fails
        return run.returncode

    def check_exact(self):
        """Every message once; returns the account."""
        return clicks.check_exact(self.folder, self.servers, self.topic)


@contextmanager
def copied(web):
    """The same project with a lake of its own, as far as it is now."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(web.folder, folder, dirs_exist_ok=True)
        config = str(Path(folder) / "web" / "clicks.yaml")
        yield Web(Path(folder), web.servers, web.topic, config, web.sent)


DEATHS = [
    "committed:1",  # one table has its first tokens, the other none
    "file:1",  # one table's file is finished
    "file:2",  # both are, nothing is committed
    "commit:1",  # about to commit
]


def test_a_run_killed_at_every_point_is_finished_by_the_next(web):
    """SIGKILL of the whole group at every point, with new messages between, then an ordinary run: exact.

    Twice the tables have gone apart, so blocks are cut where either of them goes on.
    """
    for point in DEATHS:
        assert web.run(point)[0] == KILLED, point
    for round_ in range(2):
        clicks.send(web.servers, web.topic, range(3000 + 500 * round_, 3500 + 500 * round_), poison_every=50)
        # Between the commits of the two tables; the second time both carry all and the run has not said so.
        ended, said, trace = web.run(f"committed:{1 + round_}")
        assert ended == KILLED, trace
    ended, said, trace = web.run()
    assert ended == 0, trace
    assert json.loads(said.splitlines()[-1])["summary"]["nothing_to_do"] is True
    assert web.check_exact().read == web.sent + 1020


def test_without_reading_tokens_back_messages_double(web):
    """The first negative control: a run that trusts its memory begins at the oldest message again."""
    assert web.run()[0] == 0
    before = DeltaTable(web.lake.events).to_pyarrow_table().num_rows
    assert web.run_trusting("memory") == 0
    assert DeltaTable(web.lake.events).to_pyarrow_table().num_rows == 2 * before


def test_offsets_kept_by_a_consumer_group_lose_messages(web):
    """The second negative control: they are kept when a bundle ends, which is long before the commit."""
    assert web.run("committed:2")[0] == KILLED  # the tables are made
    assert web.run_trusting("group", "commit:1") == KILLED
    assert web.run_trusting("group") == 0
    assert DeltaTable(web.lake.events).to_pyarrow_table().num_rows < 3000


def ids(web):
    """How often each click is in the table."""
    return Counter(DeltaTable(web.lake.events).to_pyarrow_table().column("id").to_pylist())


def test_a_lost_block_is_lost_where_tiling_is_not_proven(web):
    """The third: whoever commits what comes loses a block; the real code ends loudly and the next run is exact."""
    with copied(web) as trusting:
        assert trusting.run_trusting("blocks") == 0
        assert trusting.run()[0] == 0
        assert len(ids(trusting)) < 3000
    assert web.run_trusting("nothing") == Failure.exit_code
    assert len(ids(web)) < 3000
    assert web.run()[0] == 0
    web.check_exact()


def test_tables_apart_get_rows_twice_where_they_are_not_trimmed(web):
    """The fourth: killed between the tables' commits, one of them is ahead and must not get its rows again."""
    assert web.run("committed:3")[0] == KILLED
    ahead = [root for root in web.lake.committed.values() if DeltaTable(root).version() > 1]
    assert len(ahead) == 1
    with copied(web) as trusting:
        assert trusting.run_trusting("tables") == 0
        (root,) = [r for name, r in trusting.lake.committed.items() if web.lake.committed[name] == ahead[0]]
        rows = DeltaTable(root).to_pyarrow_table(columns=["_file", "_offset"]).to_pylist()
        assert max(Counter(tuple(row.values()) for row in rows).values()) == 2
    assert web.run()[0] == 0
    web.check_exact()


def test_two_copies_at_once_are_exact_without_the_lock(web):
    """Exactness does not rest on the lock: of two runs at once each is done or outrun."""
    assert web.run()[0] == 0
    unlocked = ("-m", "benchmarks.faults.unlocked", "--json", "--config")
    for round_ in range(2):
        clicks.send(web.servers, web.topic, range(3000 + 500 * round_, 3500 + 500 * round_), poison_every=50)
        with (
            web.start("--place", "place.yaml", call=unlocked) as one,
            web.start("--place", "place.yaml", call=unlocked) as two,
        ):
            ended = [run.communicate(timeout=120) and run.returncode for run in (one, two)]
        assert sorted(ended) in ([0, 0], [0, Conflict.exit_code])
    web.check_exact()


RUNNER = """\
beam:
  runner: PrismRunner
  options: {{prism_location: {prism}, prism_log_level: error, streaming: true, job_server_timeout: 10}}
"""  # seconds, which a run must outlive


def committed(web):
    """How many rows both tables have."""
    return sum(
        DeltaTable(root).to_pyarrow_table().num_rows if DeltaTable.is_deltatable(root) else 0
        for root in web.lake.committed.values()
    )


def wait_for(condition, seconds=60):
    """Whether the condition holds in time; asked a few times a second."""
    until = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < until:
        time.sleep(0.3)
    return holds


def upkeep(web):
    """The exit code of one that removes all it may at once."""
    call = [sys.executable, "-m", "headrace.cli", "upkeep", "web", "--older-than", "0s"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HEADRACE_FAULT_TESTS": "1"}
    return subprocess.run(call, cwd=web.folder, env=env, stdout=subprocess.DEVNULL, timeout=60, check=False).returncode


@contextmanager
def paused(folder):
    """The broker is there and says nothing, as one that is cut off."""
    process = json.loads((folder / "node.json").read_text())["process"]
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def test_an_endless_stream_is_killed_goes_on_and_ends_when_told(web, prism, broker_folder):
    """On Prism beside a producer: SIGKILL of the group in full flow; then a broker is gone a while; then SIGTERM."""
    clicks.write_project(web.folder, web.servers, web.topic, runner=RUNNER.format(prism=prism))
    forever = ("--place", "place.yaml", "--until", "forever")
    sent = web.sent

    def send_more():
        nonlocal sent
        sent += clicks.send(web.servers, web.topic, range(sent, sent + 200), poison_every=50)

    with web.start(*forever, die_at="committed:5") as run:
        assert wait_for(lambda: send_more() or run.poll() is not None)
        run.communicate()
    assert run.returncode == KILLED
    send_more()
    assert 0 < committed(web) < sent
    with web.start(*forever) as run:
        assert wait_for(lambda: committed(web) == sent or run.poll() is not None)
        for _ in range(2):  # upkeep beside it leaves what it has in hand, however old that may get
            assert upkeep(web) == 0
            send_more()
        assert wait_for(lambda: committed(web) == sent or run.poll() is not None)
        with paused(broker_folder):
            time.sleep(SILENCE)
        send_more()
        assert wait_for(lambda: committed(web) == sent or run.poll() is not None)
        os.killpg(run.pid, signal.SIGTERM)  # as a terminal's Ctrl-C, the runner gets it too
        said, trace = run.communicate(timeout=60)
    assert run.returncode == 0, trace
    stopped, last = map(json.loads, said.splitlines()[-2:])
    assert stopped["step"].startswith(f"stopped; {last['summary']['read']:,} messages were committed by this run")
    assert "to go on after them, call it again: python -m pipelines.ingest_stream --config" in stopped["step"]
    assert "Traceback" not in trace
    web.check_exact()
