"""The newest features of a model, refused where they are of other project files."""

from collections.abc import Collection
from typing import NamedTuple

from headrace.failures import DataFailure
from headrace.features.feature_set import FeatureSpec
from headrace.lake.commit import last_info
from headrace.lake.snapshot import Snapshot, open_snapshot


class Built(NamedTuple):
    """A version of a feature table."""

    snapshot: Snapshot
    generation: int  # how often it has been made anew: what was made of an earlier one is stale


def open_features(root: str, spec: FeatureSpec, config: str, columns: Collection[str] = ()) -> Built:
    """The newest features, with at least these columns.

    Raises:
        DataFailure: there are none, or they are of other project files than `config`.
    """
    features = open_snapshot(root)
    info = last_info(root) or {"spec": "none", "generation": 0}
    if info["spec"] != spec.digest or not set(columns) <= set(features.schema.names):
        raise DataFailure(
            f"{root}: built from other project files ({info['spec'][:12]}, these are {spec.digest[:12]}); "
            f"build the features again: headrace features {config}"
        )
    return Built(features, info["generation"])
