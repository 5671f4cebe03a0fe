"""Everything that fitting needs to know of the train window, gathered in one pass by any number of workers."""

import json
from collections.abc import Iterable
from typing import Self

import pyarrow as pa

from headrace.failures import DataFailure
from headrace.features.bottom_k import BottomK
from headrace.features.golden_rows import GOLDEN
from headrace.features.moments import Moments
from headrace.features.value_counts import ValueCounts
from headrace.features.view import View
from headrace.rows.key_hash import UInt64


class Statistics:
    """Mergeable statistics of stored rows: equal, to the byte of their JSON, for any order, split and merge.

    `FeatureSpec.statistics` makes an empty one. Memory: `Moments` and
    `ValueCounts` say theirs; nothing grows with the number of rows.
    """

    def __init__(self, stored: pa.Schema, moments: Iterable[str], values: Iterable[str]) -> None:
        self.rows = 0
        self.moments = {name: Moments() for name in sorted(set(moments))}
        self.values = {name: ValueCounts(stored.field(name).type) for name in sorted(set(values))}
        self.golden = BottomK(GOLDEN, stored)

    def update(self, stored: pa.RecordBatch, keys: UInt64) -> None:
        """Take in stored rows, `keys[i]` being `key_hash` of the key columns of row i."""
        view = View(stored, {})
        self.rows += stored.num_rows
        self.golden.update(stored, keys)
        for name, moments in self.moments.items():
            moments.update(view.numbers(name))
        for name, values in self.values.items():
            values.update(view.array(name), keys)

    def merge(self, other: Self) -> None:
        """Take in what another worker has gathered for the same features.

        Raises:
            DataFailure: the other one is of other features.
        """
        if self._shape() != other._shape():
            raise DataFailure(
                f"statistics of other features: {other._shape()} cannot be merged into {self._shape()}; "
                "every worker must run the same project files"
            )
        self.rows += other.rows
        self.golden.merge(other.golden)
        for name, moments in self.moments.items():
            moments.merge(other.moments[name])
        for name, values in self.values.items():
            values.merge(other.values[name])

    def _shape(self) -> tuple[list[str], list[str]]:
        return list(self.moments), list(self.values)

    def to_json(self) -> str:
        """One line of JSON, keys sorted: how a worker hands its part to the driver."""
        return json.dumps(
            {
                "rows": self.rows,
                "moments": {name: moments.to_json() for name, moments in self.moments.items()},
                "values": {name: values.to_json() for name, values in self.values.items()},
                "golden": self.golden.to_json(),
            },
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`."""
        held = json.loads(text)
        statistics = cls(pa.schema([]), (), ())
        statistics.rows = held["rows"]
        statistics.moments = {name: Moments.from_json(part) for name, part in held["moments"].items()}
        statistics.values = {name: ValueCounts.from_json(part) for name, part in held["values"].items()}
        statistics.golden = BottomK.from_json(GOLDEN, held["golden"])
        return statistics
