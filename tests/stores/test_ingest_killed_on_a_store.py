"""A whole ingest from a store into a store, by the real entry points in processes that are killed."""

from collections import Counter

import pytest

from headrace.lake.account_table import read_accounts
from lib.stored_shop import StoredShop

ROWS = range(1, 401)
BAD = frozenset(range(7, 401, 50))
KILLED = -9
INGEST = ("pipelines.ingest_batch", "--config", "shop/orders.yaml", "--json")


@pytest.fixture
def project(tmp_path, store, double):
    """Delivered but not yet ingested: two objects, eight bad rows; no key that would hide what tokens miss."""
    found = StoredShop(tmp_path, store, double.env)
    found.edit("key: [id]\n", "")
    found.deliver("a.csv", ROWS[:200], BAD)
    found.deliver("b.csv", ROWS[200:], BAD)
    return found


def ended(process):
    with process:
        out, err = process.communicate(timeout=120)
    return process.returncode, out + err


def check_exact(project):
    assert project.ids() == Counter(set(ROWS) - BAD)
    (account,) = read_accounts(project.lake)
    assert (account.read, account.accepted, account.quarantined) == (400, 392, 8)


def test_a_run_killed_on_the_way_is_finished_by_the_next(project):
    """SIGKILL at four points, each further along: the lease of a dead process holds nobody up, and all is exact."""
    for point in ("sealed", "file", "commit", "tables"):
        env = {"HEADRACE_FAULT_TESTS": "1", "HEADRACE_DIE_AT": point}
        code, said = ended(project.start(*INGEST, **env))
        assert code == KILLED, (point, said)
    code, said = ended(project.start(*INGEST))
    assert code == 0, said
    check_exact(project)


def test_two_runs_at_once_make_one_plan(project):
    """Of two runs started together one ingests, the other does or ends with exit code 6; nothing is there twice."""
    runs = [project.start(*INGEST) for _ in "ab"]
    assert sorted(ended(run)[0] for run in runs) in ([0, 0], [0, 6])
    check_exact(project)
