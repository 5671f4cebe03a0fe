"""All workers or none: results, and what is said when one fails, dies or cannot start."""

import os
import signal

import numpy as np
import pytest
from xgboost import collective

from headrace.failures import DataFailure, Failure, PlaceFailure
from jobs.cluster.barrier import all_at_once
from jobs.cluster.rounds import heard, telling


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

        assert all_at_once(spark, 2, work) == b"3.0"
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
        all_at_once(spark, 2, broken)
    with pytest.raises(Failure, match="KeyError: 1"):
        all_at_once(spark, 2, wrong)


def test_a_dead_worker_ends_the_stage(spark):
    """The failure names the likely cause, nobody waits, and the session is still of use."""

    def killed(number, _threads):
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return _sum(1)

    with pytest.raises(PlaceFailure, match=r"a worker died.*memoryOverhead"):
        all_at_once(spark, 2, killed)
    assert all_at_once(spark, 2, lambda number, _threads: _sum(number)) == b"1.0"


def test_a_driver_that_does_not_listen_stops_nothing():
    """Telling into the void does nothing, so training goes on."""
    with heard("127.0.0.1", lambda *_: None) as address:
        pass
    with telling(address) as tell:
        tell(1, 0.5, 0.5)
