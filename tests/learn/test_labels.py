"""A label is 0, 1 or unknown, and says when it became known."""

import pytest

from headrace.failures import DataFailure
from headrace.learn.examples import LABEL
from headrace.learn.labels import KNOWN, Labels
from headrace.spec.project import load_model
from lib.parcels import MODEL, Shop, returns


def _labels(folder, value):
    project, model = load_model(Shop(folder, model_text=MODEL.replace("value: returned", f"value: {value}")).config)
    return Labels.of(model, project)


def test_true_and_false_become_one_and_zero(tmp_path):
    """Null stays null; the time the data set gives stands beside each."""
    rows = returns()
    found = _labels(tmp_path, "returned")(rows)

    assert found.schema.names == ["id", LABEL, KNOWN]
    assert found.column(LABEL).to_pylist() == [
        None if value is None else float(value) for value in rows.column("returned").to_pylist()
    ]
    assert found.column(KNOWN).to_pylist() == rows.column("closed").to_pylist()


def test_another_number_is_refused_with_its_key(tmp_path):
    """Whole numbers 0 and 1 are labels, a half is none."""
    rows = returns().slice(0, 2)

    assert _labels(tmp_path, "id")(rows).column(LABEL).to_pylist() == [0.0, 1.0]
    with pytest.raises(DataFailure, match=r"the label id / 2 is 0\.5 where id is 1"):
        _labels(tmp_path, "id / 2")(rows)
