"""An account closes, and its blocks tile their files, or nothing is committed."""

import pyarrow as pa
import pytest

from headrace.failures import DataFailure
from headrace.lake.accounts import Account, accounts_in, prove_tiling, rows_of
from headrace.rows.block import Origin

WHOLE = [Origin("a", 10, 20), Origin("a", 20, 30), Origin("b", 0, 5)]


def account(**change):
    figures = {"read": 3, "accepted": 2, "quarantined": 1, "duplicate": 0, "replaced": 0, **change}
    return Account(
        1, "2026-01-01T00:00:00+00:00", "c", 1, 9, 0, **figures, duplicates="not looked for", reasons={"x": 1}
    )


def test_tiling_holds_for_any_cut_of_the_same_bytes():
    """Blocks may be cut otherwise than planned, in any order."""
    prove_tiling(WHOLE, [Origin("b", 0, 5), Origin("a", 25, 30), Origin("a", 10, 25)])


@pytest.mark.parametrize(
    ("arrived", "message"),
    [
        (WHOLE[1:], "planned bytes 10..30, arrived 20..30"),
        (WHOLE[:2], "b: the blocks that arrived do not tile"),
        ([*WHOLE, WHOLE[0]], "a: bytes 10..20 arrived twice"),
        ([*WHOLE, Origin("c", 0, 1)], "c: the blocks"),
        ([Origin("a", 10, 29), Origin("b", 0, 5)], "arrived 10..29"),
    ],
)
def test_a_gap_an_overlap_or_a_stranger_is_found(arrived, message):
    """A lost block, a repeated one, a foreign one and a short one each stop the commit."""
    with pytest.raises(DataFailure, match=message):
        prove_tiling(WHOLE, arrived)


def test_an_account_that_does_not_close_stops():
    """One row too few is one too many."""
    account().prove_closed()
    with pytest.raises(DataFailure, match="does not close"):
        account(accepted=1).prove_closed()


def test_accounts_survive_their_table():
    """Rows and back gives equal accounts in the order of plans."""
    first = account()
    table = pa.Table.from_batches([rows_of([first])])
    assert accounts_in(table) == [first]


def test_totals_add_reasons_too():
    """The report's figures are sums over plans."""
    total = Account.total([account(), account()])
    assert (total["read"], total["reasons"], total["duplicates"]) == (6, {"x": 2}, "not looked for")
