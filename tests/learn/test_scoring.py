"""Scoring uses what it was granted."""

import pyarrow as pa

from headrace.learn.scoring import Scorer


class Granted:
    """A bundle that tells how many threads were asked for."""

    def booster(self, threads):
        """The number, in the place of a booster."""
        return threads


def test_the_booster_has_the_threads_arrow_was_granted():
    """In a task with several cores of its own it uses them all, in one with a single core just that."""
    before = pa.cpu_count()
    try:
        for cores in (1, 3):
            pa.set_cpu_count(cores)
            assert Scorer(Granted(), None)._booster == cores
    finally:
        pa.set_cpu_count(before)
