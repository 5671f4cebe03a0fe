"""How much a feature did for the trees; free of XGBoost, for those who only read it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Gain:
    """What one feature did for the trees; the fields are the keys of a bundle's card and of a report."""

    feature: str
    total_gain: float  # loss saved by all its splits
    gain: float  # per split
    splits: int
