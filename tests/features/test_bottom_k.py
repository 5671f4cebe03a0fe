"""The bottom-k sample where keys do not tell rows apart."""

import numpy as np
import pyarrow as pa
import pytest

from headrace.features.bottom_k import BottomK


@pytest.mark.parametrize("distinct", [1, 3, 1000])
def test_the_sample_is_bounded_and_the_same_however_often_keys_repeat(distinct):
    """With one key for all rows, or few, the k smallest by value are kept, in any order of arrival."""
    random = np.random.default_rng(3)
    values, keys = random.integers(0, 10**6, 5000), random.integers(0, distinct, 5000).astype(np.uint64)
    expected = [value for _, value in sorted(zip(keys.tolist(), values.tolist(), strict=True))[:50]]
    for order in (np.arange(5000), random.permutation(5000)):
        sample = BottomK(50, pa.schema({"x": pa.int64()}))
        for at in range(0, 5000, 300):
            chosen = order[at : at + 300]
            sample.update(pa.record_batch({"x": values[chosen]}), keys[chosen])
            assert len(sample._rows) < 100
        assert sample.rows.column("x").to_pylist() == expected
