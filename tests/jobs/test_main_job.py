"""Examples, training, scoring and evaluation of a small project, checked against plain XGBoost."""

import pyarrow as pa

from headrace.lake.snapshot import open_snapshot
from lib.parcels import version


def _read(root):
    groups = [file.path for file in open_snapshot(root).files]
    return pa.concat_tables([pa.parquet.read_table(path) for path in groups])


def test_the_whole_way_and_again(shop):
    """Each job does its work once; the second run of each finds nothing to do and makes no new version."""
    first = [shop.build_examples(), shop.train(), shop.evaluate(), shop.score()]
    tables = [version(getattr(shop.model, name)) for name in ("features", "examples", "scores")]
    again = [shop.build_examples(), shop.train(), shop.evaluate(), shop.score()]

    assert not any(summary.get("nothing_to_do") for summary in first)
    assert all(summary["nothing_to_do"] for summary in again)
    assert [version(getattr(shop.model, name)) for name in ("features", "examples", "scores")] == tables
