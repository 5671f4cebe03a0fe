"""What a report tells, as plain values: what the page shows and the JSON holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace.learn.gain import Gain
from headrace.learn.metrics import Metrics
from headrace.report.column_profile import ColumnProfile
from headrace.report.quarantined import Quarantined

type Value = str | int | float | bool | None


@dataclass(frozen=True)
class Missing:
    """A part that could not be told, why, and what makes it appear."""

    part: str
    why: str
    cure: str


@dataclass(frozen=True)
class Question:
    """What the model answers, in the words of its file."""

    rows: str  # the data set each prediction is made for
    predict_at: str
    label: str
    label_from: str


@dataclass(frozen=True)
class DataSetAccount:
    """All plans of one data set together: read = accepted + quarantined + duplicate, in rows."""

    name: str
    plans: int
    files: int
    bytes: int
    read: int
    accepted: int
    quarantined: int
    duplicate: int
    duplicates: str  # how they were looked for
    refused: int  # files of which something could not be read; each such part is one quarantined row
    replaced: int  # rows that left the table, as later ones came in their place
    reasons: Mapping[str, int]  # rows that broke each rule; a row counts once for each
    first: str | None = None  # event time, as the table's statistics have it
    last: str | None = None
    examples: tuple[Quarantined, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)  # what a row did that broke a rule, in words

    @property
    def closes(self) -> bool:
        """Whether every row that was read is in exactly one place."""
        return self.read == self.accepted + self.quarantined + self.duplicate


@dataclass(frozen=True)
class FeatureBuild:
    """What became of the rows the features are made for, over all builds of the table that stands."""

    rows: int  # in the table
    builds: int
    waiting: int  # at the last build: predict_at beyond the low-water
    catch_up: int  # rows that arrived after their time was built, and were built then
    never_due: int  # rows whose predict_at is null
    until: str | None  # the time through which features are built
    columns: tuple[ColumnProfile, ...] = ()


@dataclass(frozen=True)
class Roc:
    """Points of the ROC curve, thresholds falling."""

    false_positive_rate: tuple[float, ...] = ()
    true_positive_rate: tuple[float, ...] = ()


@dataclass(frozen=True)
class PrecisionRecall:
    """Points of the precision-recall curve, thresholds falling."""

    recall: tuple[float, ...] = ()
    precision: tuple[float, ...] = ()
    threshold: tuple[float, ...] = ()


@dataclass(frozen=True)
class Calibration:
    """Bins of about equally many examples: mean score, share of positives, examples."""

    score: tuple[float, ...] = ()
    observed: tuple[float, ...] = ()
    rows: tuple[int, ...] = ()


@dataclass(frozen=True)
class Curves:
    """The three curves of one window."""

    roc: Roc = Roc()
    precision_recall: PrecisionRecall = PrecisionRecall()
    calibration: Calibration = Calibration()


@dataclass(frozen=True)
class Slice:
    """The examples whose column has one value; None is null."""

    value: str | None
    metrics: Mapping[str, Metrics]  # by window, without windows that hold no such example


@dataclass(frozen=True)
class Slices:
    """All values of one column, those with most examples first."""

    column: str
    values: tuple[Slice, ...]
    left_out: int  # values with fewer examples that are not told


@dataclass(frozen=True)
class Evaluation:
    """How one bundle does on windows it was not trained on."""

    bundle: str
    made_at: str
    threshold: float
    chosen: str  # f1: the best F1 on valid; fixed: by the model file
    metrics: Mapping[str, Metrics]  # by window
    curves: Mapping[str, Curves]
    slices: tuple[Slices, ...]

    @property
    def judged(self) -> str | None:
        """The window that counts: test where it has examples, else valid; None where neither has."""
        return next((w for w in ("test", "valid") if w in self.metrics and self.metrics[w].rows), None)


@dataclass(frozen=True)
class Window:
    """One window of the split, and the examples in it."""

    name: str
    from_: str
    to: str
    rows: int | None = None
    positives: int | None = None
    unlabeled: int | None = None  # rows without a label: scored, not learned from
    known_late: int | None = None  # rows whose label came after the next window began

    @property
    def base_rate(self) -> float | None:
        """Share of positives; None where there are no examples or none were counted."""
        return self.positives / self.rows if self.rows and self.positives is not None else None


@dataclass(frozen=True)
class Training:
    """How learning went, round by round."""

    kept: int  # rounds
    run: int
    asked: int
    train_logloss: tuple[float, ...]
    valid_logloss: tuple[float, ...]


@dataclass(frozen=True)
class Trained:
    """The live bundle and what it was made from."""

    id: str
    digest: str  # SHA-256 of model.json
    created_at: str
    training: Training
    importance: tuple[Gain, ...]
    settings: Mapping[str, Value]  # dotted names
    content: Mapping[str, str]  # window → digest of its examples' content
    spec: str  # digest of the feature spec
    versions: Mapping[str, str]  # of libraries, Python and machine
    workers: tuple[Mapping[str, Mapping[str, int]], ...]  # window → rows, row_groups


@dataclass(frozen=True)
class Scores:
    """What stands in the scores table."""

    rows: int
    by_bundle: Mapping[str, int]
    first: str | None  # predict_at
    last: str | None
    mean: float | None  # of the scores of the live bundle, as the histogram
    histogram: tuple[int, ...]  # bins of equal width from 0 to 1


@dataclass(frozen=True)
class TableFacts:
    """A table as it stands, and the version of it the live bundle was made from."""

    name: str
    id: str
    version: int
    rows: int
    root: str
    learned_from: int | None = None  # None: the bundle did not read it


@dataclass(frozen=True)
class Step:
    """How long the last run of a step took."""

    name: str
    seconds: float
    at: str


@dataclass(frozen=True)
class Report:
    """Everything a report tells of one model. What is not there yet is None or empty, and in `missing`."""

    project: str
    model: str
    made_at: str
    question: Question
    windows: tuple[Window, ...]
    accounts: tuple[DataSetAccount, ...] = ()
    features: FeatureBuild | None = None
    trained: Trained | None = None
    evaluation: Evaluation | None = None
    scores: Scores | None = None
    tables: tuple[TableFacts, ...] = ()
    steps: tuple[Step, ...] = ()
    missing: tuple[Missing, ...] = ()
