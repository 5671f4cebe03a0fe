"""Row groups, through the feature set, into XGBoost's binned matrix."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xgboost as xgb

from headrace.lake.reading import read_columns
from headrace.lake.snapshot import RowGroup
from headrace.learn.examples import LABEL

type Features = Callable[[pa.RecordBatch], pa.RecordBatch]
"""Stored columns in, float32 columns out: a `FeatureSet`."""

KEEP_BYTES = 256_000_000
"""What a worker holds of computed features while the matrix is built, bytes."""

type _Block = tuple[pa.Table, npt.NDArray[np.float32]]  # features, labels


class RowGroupIter(xgb.DataIter):
    """Gives XGBoost one row group at a time; the order, and so the matrix, is the order of the share.

    Building a matrix takes four passes. Features computed in the first are kept for
    the others up to `keep` bytes, after that row groups are read and computed again,
    so a share may be larger than memory.
    """

    def __init__(
        self,
        share: Sequence[RowGroup],
        features: Features,
        stored: pa.Schema,
        keep: int = KEEP_BYTES,
    ) -> None:
        super().__init__(release_data=True)
        self._share = share
        self._features = features
        self._stored = stored
        self._left = keep
        self._kept: dict[int, _Block] = {}
        self._at = 0

    def reset(self) -> None:
        """Back to the first row group."""
        self._at = 0

    def next(self, input_data: Callable[..., None]) -> bool:
        """Hand over the next row group; False when there are no more."""
        if self._at >= max(len(self._share), 1):  # an empty share is one block without rows
            return False
        table, labels = self._kept.get(self._at) or self._read(self._at)
        # A view of its own each time: XGBoost takes the object for the key of its cache.
        input_data(data=table.slice(), label=labels)
        self._at += 1
        return True

    def _read(self, at: int) -> _Block:
        if not self._share:
            nothing = pa.RecordBatch.from_pylist([], self._stored)
            return as_matrix(self._features(nothing)), np.array([], np.float32)
        rows = read_columns(self._share[at], [*self._stored.names, LABEL])
        block = as_matrix(self._features(rows)), rows.column(LABEL).to_numpy(zero_copy_only=False)
        if block[0].nbytes <= self._left:
            self._left -= block[0].nbytes
            self._kept[at] = block
        return block


def quantile_matrix(
    share: Sequence[RowGroup],
    features: Features,
    stored: pa.Schema,
    *,
    max_bin: int,
    threads: int,
    cuts_of: xgb.QuantileDMatrix | None = None,
) -> xgb.QuantileDMatrix:
    """The binned matrix of a share; inside a communicator every worker must build its own, also of nothing.

    Args:
        share: the row groups, in order.
        features: from stored columns to float32 columns.
        stored: the columns it reads.
        max_bin: bins per feature.
        threads: for XGBoost; they do not change the result.
        cuts_of: a matrix whose bins are to be used, as a validation matrix must.
    """
    blocks = RowGroupIter(share, features, stored)
    return xgb.QuantileDMatrix(blocks, max_bin=max_bin, nthread=threads, ref=cuts_of)


def as_matrix(features: pa.RecordBatch) -> pa.Table:
    """Feature columns in the form that XGBoost reads without copying."""
    return pa.Table.from_batches([features])
