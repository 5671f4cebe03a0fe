"""Which row groups each worker reads."""

import heapq
from collections.abc import Sequence

from headrace.lake.snapshot import RowGroup

type Share = tuple[RowGroup, ...]


def balance(groups: Sequence[RowGroup], workers: int) -> tuple[Share, ...]:
    """A share per worker, about equally many rows in each, decided by order and sizes alone.

    The largest group goes first, each to the worker with the fewest rows so far (the
    lowest of several), so nobody is left without one unless there are fewer groups
    than workers. Within a share the groups keep their order.

    >>> groups = [RowGroup("f", number, rows) for number, rows in enumerate([4, 4, 4, 1])]
    >>> [[group.number for group in share] for share in balance(groups, 2)]
    [[0, 2], [1, 3]]
    """
    loads = [(0, worker) for worker in range(workers)]
    given: list[list[int]] = [[] for _ in range(workers)]
    for place in sorted(range(len(groups)), key=lambda at: (-groups[at].rows, at)):
        rows, worker = loads[0]
        given[worker].append(place)
        heapq.heapreplace(loads, (rows + groups[place].rows, worker))
    return tuple(tuple(groups[place] for place in sorted(places)) for places in given)
