"""All workers or none: results, and what is said when one fails, dies or cannot start."""

import io
import os
import signal
import time
from datetime import timedelta

import numpy as np
import pytest
import xgboost as xgb
from xgboost import collective

from headrace.entry import Call
from headrace.failures import DataFailure, Failure, PlaceFailure
from headrace.progress import Progress
from headrace.spec.model import Train
from headrace.spec.place import Place, SparkPlace
from jobs.cluster import barrier
from jobs.cluster.barrier import all_at_once
from jobs.cluster.rounds import heard, telling
from jobs.train import boost_shares

PATIENCE = timedelta(seconds=60)


def _sum(values):
    return str(collective.allreduce(np.array([float(values)]), collective.Op.SUM)[0]).encode()


def test_workers_are_joined_and_numbered(spark):
    """The sum over all workers comes back, from the worker whose rank is 0; its rounds are heard meanwhile."""
    rounds = []
    with heard("127.0.0.1", lambda *figures: rounds.append(figures)) as address:

        def work(number, threads):
            assert collective.get_rank() == number
            if number == 0:
                with telling(address) as tell:
                    tell(1, 0.5, 0.25)
            return _sum(number + threads)

        assert all_at_once(spark, 2, work, PATIENCE) == b"3.0"
    assert rounds == [(1, 0.5, 0.25)]


def test_a_failing_worker_is_one_clear_failure(spark):
    """Its own message comes out, of its own kind, although the other worker was waiting for it."""

    def broken(number, _threads):
        if number == 1:
            raise DataFailure("part-7.parquet: no column seats")
        return _sum(1)

    def wrong(number, _threads):
        return _sum({0: 1}[number])

    with pytest.raises(DataFailure, match=r"^part-7\.parquet: no column seats$"):
        all_at_once(spark, 2, broken, PATIENCE)
    with pytest.raises(Failure, match="KeyError: 1"):
        all_at_once(spark, 2, wrong, PATIENCE)


def test_a_dead_worker_ends_the_stage(spark):
    """The failure names the likely cause, nobody waits, and the session is still of use."""

    def killed(number, _threads):
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return _sum(1)

    with pytest.raises(PlaceFailure, match=r"a worker died.*memoryOverhead"):
        all_at_once(spark, 2, killed, PATIENCE)
    assert all_at_once(spark, 2, lambda number, _threads: _sum(number), PATIENCE) == b"1.0"


def test_a_parameter_that_xgboost_refuses_is_told_in_its_words(spark):
    """No worker died: the line that says what is wrong comes out, without places in XGBoost's source."""

    def refused(_number, threads):
        matrix = xgb.QuantileDMatrix(np.ones((4, 2)), np.array([0, 1, 0, 1]))
        xgb.train({"objective": "binary:logistic", "nthread": threads, "base_score": 7}, matrix, 1)
        return b""

    with pytest.raises(Failure, match=r"^XGBoost refuses: Check failed.*base_score must be in \(0,1\)") as told:
        all_at_once(spark, 2, refused, PATIENCE)
    assert not isinstance(told.value, PlaceFailure)


def test_a_slow_worker_is_not_told_as_a_dead_one(spark):
    """It is alive and still reading when the others' patience ends: the setting that is the cure is named."""

    def slow(number, _threads):
        if number == 1:
            time.sleep(4)
        return _sum(1)

    with pytest.raises(PlaceFailure, match=r"waited 1 s for another one.*alive and slow.*timeout.*`peer_timeout`"):
        all_at_once(spark, 2, slow, timedelta(seconds=1))


def test_a_driver_that_does_not_listen_stops_nothing():
    """Telling into the void does nothing, so training goes on."""
    with heard("127.0.0.1", lambda *_: None) as address:
        pass
    with telling(address) as tell:
        tell(1, 0.5, 0.5)


def test_a_place_says_how_long_workers_wait_for_each_other(monkeypatch, spark):
    """Its `peer_timeout` is what training hands to the barrier; it is a time in which one can answer."""
    with pytest.raises(ValueError, match=r"500ms is too short to wait for anybody; write 1s or more"):
        SparkPlace(peer_timeout="500ms")
    given = []

    def stage(_spark, _workers, _work, peer_timeout):
        given.append(peer_timeout)
        return b'{"model": "", "rounds": 1, "train_logloss": [], "valid_logloss": []}'

    monkeypatch.setattr(barrier, "all_at_once", stage)
    place = Place(spark=SparkPlace(peer_timeout="90s"))
    call = Call("any", place, Progress(stream=io.StringIO()))
    boost_shares(spark, {}, None, Train(objective="binary:logistic", rounds=1), call)

    assert given == [timedelta(seconds=90)]
