"""A model: which rows to predict for and when, label, joins, features, split, training, scoring."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from headrace.spec.values import ColumnName, Columns, Duration, Name, Section


class Label(Section):
    """What is learned: a boolean or 0/1 expression over a row of another (or the same) data set.

    Rows whose label is null or absent are scored, not trained.
    """

    from_: Name = Field(alias="from")
    on: Literal["key"] | Columns = "key"
    value: str


class Join(Section):
    """Columns of another data set: by key alone, or the latest row known at `predict_at`."""

    from_: Name = Field(alias="from")
    on: Columns
    as_of: ColumnName | None = None
    tolerance: Duration | None = None  # only with as_of


class Take(Section):
    """Columns that a join brought, as they are."""

    take: Name
    columns: Columns


class Impute(Section):
    """Replace missing values; `indicator` adds a 0/1 column `<feature>__missing`."""

    fn: Literal["impute"]
    of: str
    with_: Literal["mean", "median", "mode"] | float = Field(alias="with")
    indicator: bool = False


class Clip(Section):
    """Limit to fixed bounds or to quantiles of the train window."""

    fn: Literal["clip"]
    of: str
    min: float | None = None
    max: float | None = None
    quantiles: tuple[float, float] | None = None


class Log1p(Section):
    """log(1 + x); missing below −1."""

    fn: Literal["log1p"]
    of: str


class Scale(Section):
    """(x − mean) / standard deviation, or (x − min) / (max − min), of the train window."""

    fn: Literal["scale"]
    of: str
    by: Literal["standard", "min-max"] = "standard"


class Bins(Section):
    """The number of the bin a value falls into: fixed edges, or that many quantile bins."""

    fn: Literal["bins"]
    of: str
    edges: tuple[float, ...] | None = None
    quantiles: Annotated[int, Field(ge=2, le=1024)] | None = None


class Vocabulary(Section):
    """The rank of a value among the train window's values by (−count, value); missing if not kept."""

    fn: Literal["vocabulary"]
    of: str
    max: Annotated[int, Field(ge=1, le=65_536)] = 4096
    min_count: Annotated[int, Field(ge=1)] = 1


class Hash(Section):
    """CRC-32 of the values' text, modulo `buckets`; missing if any value is."""

    fn: Literal["hash"]
    of: Columns
    buckets: Annotated[int, Field(ge=2, le=1 << 24)]


def _kind(value: object) -> str:
    if isinstance(value, str):
        return "expression"
    if isinstance(value, dict):
        return "take" if "take" in value else str(value.get("fn"))
    return "take" if isinstance(value, Take) else str(getattr(value, "fn", "expression"))


Step = Impute | Clip | Log1p | Scale | Bins | Vocabulary | Hash
Feature = Annotated[
    Annotated[str, Tag("expression")]
    | Annotated[Take, Tag("take")]
    | Annotated[Impute, Tag("impute")]
    | Annotated[Clip, Tag("clip")]
    | Annotated[Log1p, Tag("log1p")]
    | Annotated[Scale, Tag("scale")]
    | Annotated[Bins, Tag("bins")]
    | Annotated[Vocabulary, Tag("vocabulary")]
    | Annotated[Hash, Tag("hash")],
    Discriminator(_kind),
]

Window = tuple[str, str]
"""[from, to) as ISO dates or timestamps, UTC."""


class Split(Section):
    """The windows of time a row's `by` falls into; outside all of them it is not used."""

    by: str = "predict_at"
    train: Window
    valid: Window
    test: Window | None = None


class Booster(Section):
    """XGBoost's tree parameters, by XGBoost's own names."""

    max_depth: Annotated[int, Field(ge=0, le=32)] = 6
    eta: Annotated[float, Field(gt=0, le=1)] = 0.3
    gamma: Annotated[float, Field(ge=0)] = 0.0
    min_child_weight: Annotated[float, Field(ge=0)] = 1.0
    max_delta_step: Annotated[float, Field(ge=0)] = 0.0
    subsample: Annotated[float, Field(gt=0, le=1)] = 1.0
    colsample_bytree: Annotated[float, Field(gt=0, le=1)] = 1.0
    colsample_bylevel: Annotated[float, Field(gt=0, le=1)] = 1.0
    colsample_bynode: Annotated[float, Field(gt=0, le=1)] = 1.0
    lambda_: Annotated[float, Field(ge=0, alias="lambda")] = 1.0
    alpha: Annotated[float, Field(ge=0)] = 0.0
    max_leaves: Annotated[int, Field(ge=0)] = 0
    max_bin: Annotated[int, Field(ge=2, le=65_535)] = 256
    grow_policy: Literal["depthwise", "lossguide"] = "depthwise"
    scale_pos_weight: Annotated[float, Field(gt=0)] = 1.0


class Train(Section):
    """How to learn. `workers` decides the model's bytes, so it is meaning, not place."""

    objective: Literal["binary:logistic"]
    workers: Annotated[int, Field(ge=1, le=4096)] = 1
    rounds: Annotated[int, Field(ge=1, le=100_000)]
    stop_after: Annotated[int, Field(ge=1)] | None = None  # rounds without a better valid logloss
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] = 0
    booster: Booster = Booster()


def _threshold(value: object) -> object:
    return value if value == "f1" else float(str(value))


class Evaluate(Section):
    """What is reported: slices, and how the decision threshold is chosen (on valid)."""

    slices: Columns = ()
    threshold: Annotated[Literal["f1"] | float, BeforeValidator(_threshold)] = "f1"


class Score(Section):
    """Which rows are scored: those with `predict_at` at or after `since`."""

    since: str | None = None


class Model(Section):
    """One model file."""

    model: Name
    rows: Name
    predict_at: str
    label: Label
    joins: dict[Name, Join] = {}
    features: Annotated[dict[Name, Feature], Field(min_length=1)]
    split: Split
    train: Train
    evaluate: Evaluate = Evaluate()
    score: Score = Score()
