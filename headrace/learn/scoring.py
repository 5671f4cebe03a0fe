"""From stored feature rows to scores, with one bundle."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pyarrow as pa
import xgboost as xgb

from headrace.failures import DataFailure
from headrace.features.feature_set import FeatureSet, FeatureSpec
from headrace.learn.bundle import Bundle
from headrace.learn.matrix import as_matrix
from headrace.learn.score_counts import Floats


@dataclass(frozen=True)
class Scorer:
    """A bundle's feature set and model. Picklable as long as it has not scored."""

    bundle: Bundle
    features: FeatureSet

    @classmethod
    def of(cls, bundle: Bundle, spec: FeatureSpec) -> Self:
        """A bundle, for feature rows of this spec.

        Raises:
            DataFailure: the bundle was trained for other project files.
            PlaceFailure: this machine computes other features.
        """
        if bundle.features["spec"] != spec.digest:
            raise DataFailure(
                f"{bundle.path}: trained for other project files ({bundle.features['spec'][:12]}, these are "
                f"{spec.digest[:12]}), so it does not fit the features; train again: python -m jobs.train"
            )
        return cls(bundle, FeatureSet.load(spec, bundle.features["state"]))

    @property
    def stored(self) -> list[str]:
        """The stored columns it reads."""
        return list(self.features.spec.stored.names)

    @cached_property
    def _booster(self) -> xgb.Booster:
        return self.bundle.booster(threads=1)

    def __call__(self, rows: pa.RecordBatch) -> Floats:
        """The probability of the positive class, float32, one per row; no row depends on another."""
        if not len(rows):
            return np.array([], np.float32)
        scores: Floats = self._booster.inplace_predict(as_matrix(self.features(rows)))
        return scores
