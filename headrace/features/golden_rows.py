"""A few rows that travel with the state, so that a machine that computes otherwise is found out."""

import platform
from typing import Any

import numpy as np
import pyarrow as pa

from headrace.failures import DataFailure, PlaceFailure
from headrace.features.json_values import from_json, to_json

GOLDEN = 8
"""How many there are: those with the smallest key hashes, so that any layout gives the same."""


def golden(stored: pa.Table, features: pa.RecordBatch) -> dict[str, Any]:
    """Inputs and outputs as the state keeps them: readable, and exact to the bit; missing is null."""
    return {
        "rows": {name: to_json(stored.column(name)) for name in stored.column_names},
        "features": {
            name: [None if np.isnan(value) else float(value) for value in features.column(name).to_numpy()]
            for name in features.schema.names
        },
    }


def golden_inputs(held: dict[str, Any], stored: pa.Schema) -> pa.RecordBatch:
    """The stored rows that the state keeps.

    Raises:
        DataFailure: they are not of these columns.
    """
    try:
        return pa.record_batch([from_json(held["rows"][field.name], field.type) for field in stored], schema=stored)
    except (KeyError, TypeError, ValueError, ArithmeticError, pa.ArrowException) as fault:
        raise DataFailure(
            f"golden rows of the feature state do not fit its columns ({fault!r}): the file was edited or cut; "
            "fit the features again"
        ) from fault


def check_golden(held: dict[str, Any], features: pa.RecordBatch) -> None:
    """Nothing, when these features have the very bits that the state expects of its golden rows.

    Raises:
        PlaceFailure: this machine computes other features than the one that fitted them.
    """
    for name in features.schema.names:
        expected = pa.array(held["features"].get(name, []), pa.float32()).to_numpy(zero_copy_only=False)
        found = features.column(name).to_numpy()
        if not np.array_equal(expected, found, equal_nan=True):
            row = _first_difference(expected, found)
            raise PlaceFailure(
                f"this machine computes other features than the one that fitted them: feature {name}, golden row "
                f"{row}: {found[row : row + 1].tolist()} instead of {expected[row : row + 1].tolist()}. Here: "
                f"numpy {np.__version__}, pyarrow {pa.__version__}, {platform.machine()}; install the versions on "
                "the model's card, or fit again here"
            )


def _first_difference(expected: np.ndarray[Any, Any], found: np.ndarray[Any, Any]) -> int:
    shared = min(len(expected), len(found))
    same = (expected[:shared] == found[:shared]) | (np.isnan(expected[:shared]) & np.isnan(found[:shared]))
    return int(np.argmin(same)) if not same.all() else shared
