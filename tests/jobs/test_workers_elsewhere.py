"""Tasks stand in another folder than the driver: relative roots of a place mean the driver's."""

from pathlib import Path

from lib.parcels import Shop, orders, returns


def test_relative_roots_mean_the_drivers_folder(tmp_path, monkeypatch, spark):
    """All jobs read and write what the place file names, from any folder; it is recorded as it was written."""
    monkeypatch.chdir(tmp_path)  # Spark's own processes stay where they were started
    shop = Shop(Path())
    assert shop.place.roots.lake == "lake"
    shop.build_features(orders())
    shop.deliver(returns())
    summaries = [shop.build_examples(), shop.train(), shop.evaluate(), shop.score()]
    again = [shop.build_examples(), shop.train(), shop.evaluate(), shop.score()]

    assert not any(summary.get("nothing_to_do") for summary in summaries)
    assert all(summary["nothing_to_do"] for summary in again)
    assert summaries[3]["rows"] > 0
    assert summaries[2]["path"] == "reports/returns_soon.evaluation.json"
