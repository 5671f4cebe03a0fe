"""What names a row of quarantine, whatever lies beside it."""

import numpy as np
import pyarrow as pa

from headrace.lake.settlements import BROUGHT, by_file


def test_rows_of_very_many_plans_are_told_apart():
    """Each plan's file and each partition once, its rows in their order; to look at each pair would take minutes."""
    plans = 20_000
    plan = [*range(plans), None, *range(plans), None]
    file = [*(f"{n}.csv" for n in range(plans)), "0", *(f"{n % 7}.csv" for n in range(plans)), "0"]
    rows = pa.RecordBatch.from_arrays(
        [pa.array(plan, pa.int64()), pa.array(file), np.arange(len(plan))], schema=BROUGHT
    )
    found = {brought: at.tolist() for brought, at in by_file(rows)}
    assert found[None, "0"] == [plans, 2 * plans + 1]
    assert (found[3, "3.csv"], found[9, "9.csv"], found[9, "2.csv"]) == ([3, plans + 4], [9], [plans + 10])
    assert sum(map(len, found.values())) == len(plan)
    assert len(found) == 2 * plans - 7 + 1
