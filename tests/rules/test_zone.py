"""Time zones are those of the tzdata package, as Python's zoneinfo reads it."""

import io
import random
from datetime import datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from headrace.rules.zone import zone, zone_names

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # what clocks show has no zone
SECOND = 1_000_000


@pytest.mark.parametrize(
    "name",
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/St_Johns",  # half hours
        "Australia/Lord_Howe",  # summer time of half an hour
        "Africa/Casablanca",  # winter time in Ramadan
        "Pacific/Apia",  # a day left out
        "Asia/Kathmandu",  # no summer time
        "Europe/Dublin",  # negative summer time
        "America/Nuuk",  # a rule that leaves its day
    ],
)
def test_local_time_and_back_as_zoneinfo_has_it(name):
    """At changes, around them and anywhere in the years 1 to 9999."""
    rules, oracle = zone(name), _oracle(name)
    chance = random.Random(name)  # noqa: S311  # nothing secret
    seconds = [chance.randrange(-2 * 10**9, 6 * 10**9) for _ in range(150)]
    seconds += [chance.randrange(-62 * 10**9, 253 * 10**9) for _ in range(50)]
    changes = [int(change) // SECOND for change in rules._changes[:400:5]]
    seconds += [change + near for change in changes for near in (-3601, -1800, -1, 0, 1, 1799, 3599, 3600)]

    shown = [datetime.fromtimestamp(second, oracle).replace(tzinfo=None) for second in seconds]
    expected = [(time - EPOCH) // timedelta(microseconds=1) for time in shown]
    assert rules.local(np.array(seconds) * SECOND).tolist() == expected

    instants, single = rules.instants(np.array(expected))
    for time, instant, once in zip(shown, instants.tolist(), single.tolist(), strict=True):
        first, second = (time.replace(tzinfo=oracle, fold=fold).utcoffset() for fold in (0, 1))
        assert once == (first == second)
        assert not once or instant == (time - first - EPOCH) // timedelta(microseconds=1)


def test_every_zone_can_be_read():
    """And its changes are in order."""
    for name in zone_names():
        if name.startswith(("Asia/", "Etc/")):  # a third of them; all take seconds
            assert (np.diff(zone(name)._edges) > 0).all()


def _oracle(name: str) -> ZoneInfo:
    data = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    return ZoneInfo.from_file(io.BytesIO(data))
