"""A model: which rows to predict for and when, label, joins, features, split, training, scoring."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from headrace.spec.values import (
    ColumnName,
    Columns,
    Duration,
    Flag,
    Name,
    Number,
    Section,
    Whole,
    parse_number,
    shown,
)


def _key_or_columns(value: object) -> str:
    return "word" if value == "key" else "parts"


class Label(Section):
    """What is learned: a boolean or 0/1 expression over a row of another (or the same) data set.

    Rows whose label is null or absent are scored, not trained.
    """

    from_: Name = Field(alias="from")
    """The data set the label is read from."""
    on: Annotated[
        Annotated[Literal["key"], Tag("word")] | Annotated[Columns, Field(min_length=1), Tag("parts")],
        Discriminator(_key_or_columns),
    ] = "key"
    """How a row finds its label: `key`, or the columns that are equal in both data sets."""
    value: str
    """An expression over that data set's columns: boolean, or 0 and 1."""


class Join(Section):
    """Columns of another data set: by key alone, or the latest row known at `predict_at`."""

    from_: Name = Field(alias="from")
    """The data set whose columns are joined."""
    on: Annotated[Columns, Field(min_length=1)]
    """The columns that are equal in both data sets."""
    as_of: ColumnName | None = None
    """Its time: the latest row known at `predict_at` is taken. Without it: the one row with that key."""
    tolerance: Duration | None = None
    """with as_of: how old that row may be."""


class Take(Section):
    """Columns that a join brought, as they are."""

    take: Name
    """The join."""
    columns: Annotated[Columns, Field(min_length=1)]
    """The columns of it that become features."""


def _constant_or(*words: str) -> BeforeValidator:
    def check(value: object) -> object:
        try:
            return value if value in words else parse_number(value)
        except ValueError:
            raise ValueError(f"{shown(value)} cannot stand here; write {', '.join(words)} or a number") from None

    return BeforeValidator(check)


class Impute(Section):
    """Replace missing values; `indicator` adds a 0/1 column `<feature>__missing`."""

    fn: Literal["impute"]
    of: str
    """A numeric expression."""
    with_: Annotated[Literal["mean", "median", "mode"] | float, _constant_or("mean", "median", "mode")] = Field(
        alias="with"
    )
    """What replaces a missing value: mean, median or mode of the train window, or a number."""
    indicator: Flag = False
    """Whether the column `<feature>__missing` is added."""


class Clip(Section):
    """Limit to fixed bounds or to quantiles of the train window."""

    fn: Literal["clip"]
    of: str
    """A numeric expression."""
    min: Number | None = None
    """The lower bound."""
    max: Number | None = None
    """The upper bound."""
    quantiles: tuple[Number, Number] | None = None
    """In place of bounds: two shares of the train window, e.g. [0.01, 0.99]."""


class Log1p(Section):
    """log(1 + x); missing below -1."""

    fn: Literal["log1p"]
    of: str
    """A numeric expression."""


class Scale(Section):
    """(x - mean) / standard deviation, or (x - min) / (max - min), of the train window."""

    fn: Literal["scale"]
    of: str
    """A numeric expression."""
    by: Literal["standard", "min-max"] = "standard"
    """Which of the two."""


class Bins(Section):
    """The number of the bin a value falls into: fixed edges, or that many quantile bins."""

    fn: Literal["bins"]
    of: str
    """A numeric expression."""
    edges: Annotated[tuple[Number, ...], Field(min_length=1)] | None = None
    """The bins' borders, rising."""
    quantiles: Annotated[Whole, Field(ge=2, le=1024)] | None = None
    """In place of edges: how many bins of equal share of the train window."""


class Vocabulary(Section):
    """The rank of a value among the train window's values by (-count, value); missing if not kept."""

    fn: Literal["vocabulary"]
    of: str
    """An expression of any column type but timestamp."""
    max: Annotated[Whole, Field(ge=1, le=65_536)] = 4096
    """How many values are kept."""
    min_count: Annotated[Whole, Field(ge=1)] = 1
    """How often a value must occur to be kept."""


class Hash(Section):
    """CRC-32 of the values' text, modulo `buckets`; missing if any value is."""

    fn: Literal["hash"]
    of: Annotated[Columns, Field(min_length=1)]
    """The columns, those of a join as `join.column`."""
    buckets: Annotated[Whole, Field(ge=2, le=1 << 24)]
    """How many buckets there are."""


def _kind(value: object) -> str:
    """The tag of a feature's branch; `fn ` before the name keeps it apart from every key of a file."""
    if isinstance(value, dict):
        return "take " if "take" in value else f"fn {value.get('fn', '')}"
    if isinstance(value, Take):
        return "take "
    return f"fn {value.fn}" if isinstance(value, Step) else "expression "


Step = Impute | Clip | Log1p | Scale | Bins | Vocabulary | Hash
STEPS = ("bins", "clip", "hash", "impute", "log1p", "scale", "vocabulary")
"""What `fn` may be."""

Feature = Annotated[
    Annotated[str, Tag("expression ")]
    | Annotated[Take, Tag("take ")]
    | Annotated[Impute, Tag("fn impute")]
    | Annotated[Clip, Tag("fn clip")]
    | Annotated[Log1p, Tag("fn log1p")]
    | Annotated[Scale, Tag("fn scale")]
    | Annotated[Bins, Tag("fn bins")]
    | Annotated[Vocabulary, Tag("fn vocabulary")]
    | Annotated[Hash, Tag("fn hash")],
    Discriminator(_kind),
]

Window = tuple[str, str]
"""[from, to) as ISO dates or timestamps, UTC."""


class Split(Section):
    """The windows of time a row's `by` falls into; outside all of them it is not used."""

    by: str = "predict_at"
    """`predict_at`, or a timestamp column."""
    train: Window
    """[from, to): what is learned from."""
    valid: Window
    """[from, to): what decides when to stop, and the threshold."""
    test: Window | None = None
    """[from, to): what the model is judged by."""


class Booster(Section):
    """XGBoost's tree parameters, by XGBoost's own names."""

    max_depth: Annotated[Whole, Field(ge=0, le=32)] = 6
    """The deepest a tree may grow; 0: no limit."""
    eta: Annotated[Number, Field(gt=0, le=1)] = 0.3
    """The share of each tree that is added: the learning rate."""
    gamma: Annotated[Number, Field(ge=0)] = 0.0
    """The smallest gain that is worth a split."""
    min_child_weight: Annotated[Number, Field(ge=0)] = 1.0
    """The smallest sum of hessians in a leaf."""
    max_delta_step: Annotated[Number, Field(ge=0)] = 0.0
    """The largest step of a leaf's weight; 0: no limit."""
    subsample: Annotated[Number, Field(gt=0, le=1)] = 1.0
    """The share of rows each tree sees."""
    colsample_bytree: Annotated[Number, Field(gt=0, le=1)] = 1.0
    """The share of columns each tree sees."""
    colsample_bylevel: Annotated[Number, Field(gt=0, le=1)] = 1.0
    """The share of those that each level sees."""
    colsample_bynode: Annotated[Number, Field(gt=0, le=1)] = 1.0
    """The share of those that each node sees."""
    lambda_: Annotated[Number, Field(ge=0, alias="lambda")] = 1.0
    """L2 regularisation of the leaves."""
    alpha: Annotated[Number, Field(ge=0)] = 0.0
    """L1 regularisation of the leaves."""
    max_leaves: Annotated[Whole, Field(ge=0)] = 0
    """The most leaves a tree may have; 0: no limit."""
    max_bin: Annotated[Whole, Field(ge=2, le=65_535)] = 256
    """How many histogram bins a column gets."""
    grow_policy: Literal["depthwise", "lossguide"] = "depthwise"
    """Which node is split next: the shallowest, or the one with the most gain."""
    scale_pos_weight: Annotated[Number, Field(gt=0)] = 1.0
    """The weight of a positive row."""


class Train(Section):
    """How to learn. `workers` decides the model's bytes, so it is meaning, not place."""

    objective: Literal["binary:logistic"]
    """What is minimised."""
    workers: Annotated[Whole, Field(ge=1, le=4096)] = 1
    """How many processes learn together."""
    rounds: Annotated[Whole, Field(ge=1, le=100_000)]
    """How many trees at most."""
    stop_after: Annotated[Whole, Field(ge=1)] | None = None
    """Stop after so many rounds without a better valid logloss."""
    seed: Annotated[Whole, Field(ge=0, lt=1 << 31)] = 0
    """What every random choice begins with."""
    booster: Booster = Booster()
    """XGBoost's tree parameters."""


class Evaluate(Section):
    """What is reported: slices, and how the decision threshold is chosen (on valid)."""

    slices: Columns = ()
    """Columns of the rows; metrics are also told for each of their values."""
    threshold: Annotated[Literal["f1"] | Annotated[float, Field(ge=0, le=1)], _constant_or("f1")] = "f1"
    """From which score on the answer is yes: `f1` (the best on valid), or a number."""


class Score(Section):
    """Which rows are scored."""

    since: str | None = None
    """Those with `predict_at` at or after this ISO date or time, UTC."""


class Model(Section):
    """One model file."""

    model: Name
    """The name; its tables stand under `<lake>/<project>/<name>`."""
    rows: Name
    """The data set that is predicted for, row by row."""
    predict_at: str
    """When the prediction is needed: a timestamp expression over a row."""
    label: Label
    """What is learned."""
    joins: dict[Name, Join] = Field({})
    """Columns of other data sets, by name of the join."""
    features: Annotated[dict[Name, Feature], Field(min_length=1)]
    """What the model sees: an expression, {fn: …} for a step, {take: …} for columns of a join."""
    split: Split
    """The windows of time to learn from, to stop by, and to be judged by."""
    train: Train
    """How to learn."""
    evaluate: Evaluate = Evaluate()
    """What is reported."""
    score: Score = Score()
    """Which rows are scored."""

    @property
    def data_sets(self) -> tuple[str, ...]:
        """The data sets a model stands on, its rows' first, each once."""
        return tuple(dict.fromkeys([self.rows, self.label.from_, *(join.from_ for join in self.joins.values())]))
