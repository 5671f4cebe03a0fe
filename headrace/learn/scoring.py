"""From stored feature rows to scores, with one bundle."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa

from headrace.failures import DataFailure
from headrace.features.feature_set import FeatureSet, FeatureSpec
from headrace.learn.bundle import Bundle, live_bundle
from headrace.learn.score_counts import Floats

if TYPE_CHECKING:
    import xgboost as xgb


@dataclass(frozen=True)
class Scorer:
    """A bundle's feature set and model. Picklable as long as it has not scored."""

    bundle: Bundle
    spec: FeatureSpec

    @classmethod
    def live(cls, folder: str, spec: FeatureSpec, config: str) -> Self:
        """The live bundle of a model's folder, for feature rows of this spec.

        Raises:
            DataFailure: none is live, it is half a bundle, or it was trained for other project files.
        """
        if (bundle := live_bundle(folder)) is None:
            raise DataFailure(f"{folder}: no bundle is live; train first: headrace train {config}")
        if bundle.features["spec"] != spec.digest:
            raise DataFailure(
                f"{bundle.path}: trained for other project files ({bundle.features['spec'][:12]}, these are "
                f"{spec.digest[:12]}), so it does not fit the features; train again: headrace train {config}"
            )
        return cls(bundle, spec)

    @property
    def stored(self) -> list[str]:
        """The stored columns it reads."""
        return list(self.spec.stored.names)

    @cached_property
    def _features(self) -> FeatureSet:
        """Loaded where it is used, so that its golden rows are checked on that very machine."""
        return FeatureSet.load(self.spec, self.bundle.features["state"])

    @cached_property
    def _booster(self) -> "xgb.Booster":
        # As many as Arrow may use: in a task of Spark that is what Spark granted it.
        return self.bundle.booster(threads=pa.cpu_count())

    def __call__(self, rows: pa.RecordBatch) -> Floats:
        """The probability of the positive class, float32, one per row; no row depends on another.

        Raises:
            PlaceFailure: this machine computes other features than the one that fitted them.
        """
        if not len(rows):
            return np.array([], np.float32)
        from headrace.learn.matrix import as_matrix  # noqa: PLC0415  # XGBoost is loaded when there is work

        scores: Floats = self._booster.inplace_predict(as_matrix(self._features(rows)))
        return scores
