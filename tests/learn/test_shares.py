"""Shares are balanced, complete and decided by the order of the row groups alone."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.lake.snapshot import RowGroup
from headrace.learn.shares import balance


@given(st.lists(st.integers(1, 100), min_size=1, max_size=40), st.integers(1, 9))
def test_every_row_group_has_one_worker_and_no_worker_is_left_out(sizes, workers):
    """All groups are given once, in order; loads differ by at most the largest group."""
    groups = [RowGroup(f"file-{number}", number, rows) for number, rows in enumerate(sizes)]
    shares = balance(groups, workers)
    loads = [sum(group.rows for group in share) for share in shares]

    assert sorted(group for share in shares for group in share) == sorted(groups)
    assert all(list(share) == sorted(share, key=lambda group: group.number) for share in shares)
    assert max(loads) - min(loads) <= max(sizes)
    assert len(groups) < workers or all(shares)


def test_file_names_do_not_matter():
    """The same sizes under other names give the same places."""
    sizes = [5, 3, 3, 2, 8]
    places = [
        [[group.number for group in share] for share in balance([RowGroup(name, i, n) for i, n in enumerate(sizes)], 2)]
        for name in ("a", "z")
    ]

    assert places[0] == places[1]
