"""Of runs at work in one folder of a store, one goes on; a lease outlives nobody for long."""

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError, GenericError, PreconditionError

from headrace import storage
from headrace.failures import Conflict
from headrace.storage import lease
from headrace.storage.holder import Holder


@pytest.fixture
def folder(store):
    """A folder that nobody holds."""
    return f"{store}/lake/orders"


def held(folder, holder, ends):
    """A lease of somebody else."""
    told = {**json.loads(holder.to_json()), "until": (datetime.now(UTC) + ends).isoformat(), "free": False}
    storage.put(f"{folder}/_lock", json.dumps(told).encode())


def told(folder):
    return json.loads(storage.read(f"{folder}/_lock"))


def test_a_held_lease_is_refused_with_its_holder_and_its_end(folder):
    """Given back it is free at once."""
    with storage.locked(folder):
        ends = datetime.fromisoformat(told(folder)["until"])
        expected = rf"process {os.getpid()} on .*its lease ends at {ends:%H:%M:%S} UTC"
        with pytest.raises(Conflict, match=expected), storage.locked(folder):
            pytest.fail("two holders")
    with storage.locked(folder):
        assert told(folder)["free"] is False


def test_the_lease_of_a_dead_process_is_taken_at_once(folder):
    """On this machine; of a process elsewhere nobody knows, until the lease ends."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    here = replace(Holder.here(), process=dead.pid)
    elsewhere = replace(here, machine="elsewhere")
    held(folder, elsewhere, timedelta(seconds=40))
    with pytest.raises(Conflict, match=f"process {dead.pid}"), storage.locked(folder):
        pytest.fail("two holders")
    held(folder, elsewhere, -timedelta(seconds=10))
    with storage.locked(folder):
        assert told(folder)["process"] == os.getpid()
    held(folder, here, timedelta(seconds=40))
    with storage.locked(folder):
        assert told(folder)["process"] == os.getpid()


def test_of_eight_that_take_over_one_does(folder):
    """The store itself decides by the etag, however many have seen that the lease has run out."""
    held(folder, replace(Holder.here(), machine="elsewhere"), -timedelta(minutes=1))
    over = threading.Barrier(8)

    def take(_):
        try:
            with storage.locked(folder):
                over.wait(20)
                return True
        except Conflict:
            over.wait(20)
            return False

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(take, range(8))).count(True) == 1


def test_a_lease_is_renewed_while_its_holder_lives(folder, monkeypatch):
    """Its end moves on; one that somebody else has taken is left to them."""
    monkeypatch.setattr(lease, "_RENEWED", timedelta(milliseconds=50))
    with storage.locked(folder):
        first = told(folder)["until"]
        _wait_for(lambda: told(folder)["until"] > first)
        held(folder, replace(Holder.here(), process=1, machine="elsewhere"), timedelta(minutes=1))
        time.sleep(0.3)
        assert told(folder)["process"] == 1
    assert told(folder) | {"until": ""} == told(folder) | {"process": 1, "free": False, "until": ""}


def test_a_lease_outlives_lost_answers_and_a_store_that_is_away(folder, monkeypatch):
    """What was written and not answered is known as one's own; what cannot be renewed now is renewed later."""
    monkeypatch.setattr(lease, "_RENEWED", timedelta(milliseconds=50))
    real = obstore.put

    def unanswered(*asked, mode):
        real(*asked, mode=mode)
        raise (AlreadyExistsError if mode == "create" else PreconditionError)("asked again by the library")

    def away(*asked, mode):
        raise GenericError("Generic S3 error: 503")

    monkeypatch.setattr(obstore, "put", unanswered)
    with storage.locked(folder):
        for put in (unanswered, away, real):
            monkeypatch.setattr(obstore, "put", put)
            time.sleep(0.3)
        seen = told(folder)["until"]
        _wait_for(lambda: told(folder)["until"] > seen)
    assert told(folder)["free"] is True


def _wait_for(what):
    for _ in range(200):
        if what():
            return
        time.sleep(0.05)
    pytest.fail("it did not happen in 10 s")
