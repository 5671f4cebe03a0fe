"""Time zones: from the reading of a clock on the wall to the instant, and back.

The rules come from the tzdata package, so they are the same on every machine; Arrow would
take those of the operating system, of whatever year, or none in a small container.
"""

import io
import struct
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import numpy as np

from headrace.rules.vectors import Bools, Ints

_NEVER = np.iinfo(np.int64).min  # an offset: a wall clock shows this time twice or never
_MONTH = 30 * 86_400
_CYCLE = 146_097 * 86_400  # the calendar and all recurring rules repeat after 400 years
_HEADER = struct.Struct(">20x6l")
_KIND = np.dtype([("offset", ">i4"), ("summer", "u1"), ("name", "u1")])


class Zone:
    """One zone of the IANA database. Times are µs since 1970, UTC or as a local clock shows them.

    >>> berlin = zone("Europe/Berlin")
    >>> berlin.local(np.array([0])) // 3_600_000_000
    array([1])
    >>> instants, single = berlin.instants(np.array([0]))  # 1970-01-01 00:00 in Berlin
    >>> instants // 3_600_000_000, single
    (array([-1]), array([ True]))
    """

    def __init__(self, changes: Ints, offsets: Ints) -> None:
        """From the instants at which the offset changes, and the offsets before, between and after them."""
        self._changes, self._offsets = changes, offsets
        before, after = offsets[:-1], offsets[1:]
        # At each change the clock jumps; between its two readings it shows every time twice or never.
        edges = np.stack([changes + np.minimum(before, after), changes + np.maximum(before, after)], axis=1)
        walls = np.stack([np.full_like(after, _NEVER), after], axis=1)
        self._edges = edges.ravel()
        self._walls = np.concatenate([offsets[:1], walls.ravel()])

    def local(self, instants: Ints) -> Ints:
        """What a clock in the zone shows at these instants."""
        return instants + self._offsets[np.searchsorted(self._changes, instants, "right")]

    def instants(self, local: Ints) -> tuple[Ints, Bools]:
        """When a clock in the zone shows these times, and where there is exactly one such instant."""
        offsets = self._walls[np.searchsorted(self._edges, local, "right")]
        single = offsets != _NEVER
        return local - np.where(single, offsets, 0), single


@cache
def zone_names() -> tuple[str, ...]:
    """Every name of the IANA database."""
    return tuple(files("tzdata").joinpath("zones").read_text("utf-8").split())


@cache
def zone(name: str) -> Zone:
    """The zone of one of `zone_names`.

    Raises:
        KeyError: there is no such zone.
    """
    if name not in zone_names():
        raise KeyError(name)
    data = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    starts, offsets = _listed(data)
    if b"," in data.rsplit(b"\n", 2)[1]:  # the last line: a rule for ever after, with summer time
        last = int(starts[-1]) if len(starts) else 0
        later = np.array(list(_recurring(ZoneInfo.from_file(io.BytesIO(data)), last)), np.int64).T
        cycles = np.arange(20)[:, None] * _CYCLE
        starts = np.concatenate([starts, (later[0] + cycles).ravel()])
        offsets = np.concatenate([offsets, np.tile(later[1], 20)])
    moves = np.flatnonzero(np.diff(offsets))  # some changes are of the name only
    return Zone(starts[moves] * 1_000_000, offsets[np.append(0, moves + 1)] * 1_000_000)


def _listed(data: bytes) -> tuple[Ints, Ints]:
    """The changes a TZif file lists (RFC 8536): their seconds since 1970; offsets before, between, after."""
    utc, standard, leaps, changes, kinds, names = _HEADER.unpack_from(data)
    second = _HEADER.size + changes * 5 + kinds * 6 + names + leaps * 8 + standard + utc
    utc, standard, leaps, changes, kinds, names = _HEADER.unpack_from(data, second)
    at = second + _HEADER.size
    starts = np.frombuffer(data, ">i8", changes, at)
    which = np.frombuffer(data, "u1", changes, at + changes * 8)
    offsets = np.frombuffer(data, _KIND, kinds, at + changes * 9)["offset"]
    return starts.astype(np.int64), offsets[np.append(0, which).astype(np.intp)].astype(np.int64)


def _recurring(rules: ZoneInfo, after: int) -> Iterator[tuple[int, int]]:
    """The changes of the 400 years after a second, each with the offset from then on."""

    def offset(second: int) -> int:
        shift = datetime.fromtimestamp(second, rules).utcoffset()
        return 0 if shift is None else int(shift.total_seconds())

    low, end = after, after + _CYCLE
    while low < end:
        high = min(low + _MONTH, end)
        was, becomes = offset(low), offset(high)
        if was != becomes:
            inside, outside = high, low
            while inside - outside > 1:
                middle = (inside + outside) // 2
                inside, outside = (inside, middle) if offset(middle) == was else (middle, outside)
            yield inside, becomes
        low = high
