"""A shop that asks which parcels will come back: a small project whose tables are built without Beam."""

import io
from argparse import Namespace
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from headrace.entry import Call
from headrace.features.feature_set import FeatureSpec
from headrace.features.features_table import features_schema
from headrace.features.kept import kept_columns
from headrace.lake.commit import Token, commit_once, stored_token
from headrace.lake.data_files import DataFileWriter
from headrace.lake.layout import DataSetFolder, ModelFolder
from headrace.lake.snapshot import open_snapshot
from headrace.lake.tables import create_table
from headrace.progress import Progress
from headrace.spec.place import Place, Roots, SparkPlace
from headrace.spec.project import load_model
from jobs.build_examples import build_examples
from jobs.evaluate import evaluate
from jobs.score import score
from jobs.train import train

ORDERS = """\
dataset: orders
source: {format: csv, path: raw/orders.csv}
key: [id]
time: placed
contract:
  columns:
    id: {type: int, required: true}
    placed: {type: timestamp, required: true}
    shop: {type: string}
    amount.eur: {type: double}  # Spark would take it for a field
known: {placed: {at: placed, columns: [id, placed, shop, amount.eur]}}
"""
RETURNS = """\
dataset: returns
source: {format: csv, path: raw/returns.csv}
key: [id]
time: closed
contract:
  columns:
    id: {type: int, required: true}
    closed: {type: timestamp, required: true}
    returned: {type: bool}
known: {closed: {at: closed, columns: [id, returned]}}
"""
MODEL = """\
model: returns_soon
rows: orders
predict_at: placed
label: {from: returns, on: key, value: returned}
features:
  hour: minutes("amount.eur") / hours(1)
  amount: {fn: impute, of: '"amount.eur"', with: median, indicator: true}
  shop: {fn: vocabulary, of: shop}
split:
  train: [2024-01-01, 2024-03-01]
  valid: [2024-03-01, 2024-04-01]
  test: [2024-04-01, 2024-05-01]
train:
  objective: binary:logistic
  workers: 2
  rounds: 30
  stop_after: 5
  booster: {max_depth: 3, eta: 0.3}
evaluate: {slices: [shop], threshold: f1}
score: {since: 2024-04-01}
"""
START = datetime(2024, 1, 1, tzinfo=UTC)
ROWS = 2880  # one an hour from January to April


def orders(rows: int = ROWS) -> pa.RecordBatch:
    """Orders, one an hour; a tenth have no amount."""
    random = np.random.default_rng(11)
    amount = np.round(random.gamma(2.0, 50.0, ROWS), 2)[:rows]
    shop = random.choice(["north", "south", "west"], ROWS)[:rows]
    return pa.RecordBatch.from_pydict(
        {
            "id": pa.array(range(rows), pa.int64()),
            "placed": pa.array([START + timedelta(hours=n) for n in range(rows)], pa.timestamp("us", "UTC")),
            "shop": pa.array(shop),
            "amount.eur": pa.array(amount, mask=np.arange(rows) % 10 == 0),
        }
    )


def returns(rows: int = ROWS, after: timedelta = timedelta(hours=30)) -> pa.RecordBatch:
    """Whether each order came back, known some time later; every twentieth has no answer."""
    random = np.random.default_rng(12)
    amount = orders().column("amount.eur").fill_null(0).to_numpy()
    shop = orders().column("shop").to_numpy(zero_copy_only=False)
    chance = 1 / (1 + np.exp(-(amount / 50 - 2.5 + (shop == "west"))))
    back = (random.random(ROWS) < chance)[:rows]
    return pa.RecordBatch.from_pydict(
        {
            "id": pa.array(range(rows), pa.int64()),
            "closed": pa.array([START + timedelta(hours=n) + after for n in range(rows)], pa.timestamp("us", "UTC")),
            "returned": pa.array(back, mask=np.arange(rows) % 20 == 7),
        }
    )


@dataclass
class Shop:
    """A project folder, its lake, and the jobs over it."""

    folder: Path
    model_text: str = MODEL
    master: str = "local[2]"

    @property
    def config(self) -> str:
        """The model file, written anew."""
        config = self.folder / "shop"
        config.mkdir(parents=True, exist_ok=True)
        for name, text in {"orders": ORDERS, "returns": RETURNS, "returns_soon": self.model_text}.items():
            (config / f"{name}.yaml").write_text(text)
        return str(config / "returns_soon.yaml")

    @property
    def place(self) -> Place:
        """All roots in the folder."""
        roots = {name: str(self.folder / name) for name in ("lake", "models", "reports")}
        return Place(roots=Roots(**roots), spark=SparkPlace(master=self.master))

    @property
    def model(self) -> ModelFolder:
        """The model's tables."""
        return ModelFolder(self.place.roots.lake, "shop", "returns_soon")

    @property
    def models(self) -> Path:
        """The model's bundles."""
        return self.folder / "models" / "returns_soon"

    def call(self, **options) -> Call:
        """A call of a job; `said` holds what it reports."""
        self.said = io.StringIO()
        return Call(self.config, self.place, Progress(stream=self.said), Namespace(**{"force": False, **options}))

    def deliver(self, rows: pa.RecordBatch, files: int = 1) -> None:
        """Append rows to the label's data set."""
        root = DataSetFolder(self.place.roots.lake, "shop", "returns").events
        create_table(root, rows.schema)
        append(root, rows, files, {})

    def build_features(self, rows: pa.RecordBatch, files: int = 1, generation: int = 0) -> None:
        """Append feature rows as `build_features` would, or put them in the place of all, in a later generation."""
        project, model = load_model(self.config)
        spec = FeatureSpec.compile(project, model.model)
        schema = features_schema(model, project, spec)
        stored = spec.store(rows)
        columns = {name: rows.column(name) for name in kept_columns(model, project)}
        columns |= {"predict_at": spec.predict_at(rows)}
        columns |= dict(zip(stored.schema.names, stored.columns, strict=True))
        create_table(self.model.features, schema)
        found = pa.RecordBatch.from_pydict({name: columns[name] for name in schema.names}, schema=schema)
        info = {"spec": spec.digest, "inputs": {}, "generation": generation}
        append(self.model.features, found, files, info, {} if generation else None)

    def build_examples(self):
        """Run the job."""
        return build_examples(self.call())

    def train(self, **options):
        """Run the job."""
        return train(self.call(**options))

    def evaluate(self):
        """Run the job."""
        return evaluate(self.call())

    def score(self):
        """Run the job."""
        return score(self.call())

    def model_bytes(self) -> bytes:
        """Of the live bundle."""
        return (self.models / (self.models / "current").read_text().strip() / "model.json").read_bytes()


def append(root: str, rows: pa.RecordBatch, files: int, info: dict, replace: dict | None = None) -> None:
    """Write rows into some files, in one commit; more than one file also turns their order round."""
    cut = -(-len(rows) // files)
    pieces = [rows.slice(start, cut) for start in range(0, len(rows), cut)]
    if files > 1:
        pieces = [piece.take(pa.array(range(len(piece) - 1, -1, -1))) for piece in reversed(pieces)]
    adds = []
    for piece in pieces:
        with DataFileWriter(root, rows.schema, row_group_rows=997) as file:
            file.write(piece)
            adds.append(file.close())
    before = stored_token(root, "test")
    commit_once(root, [Token("test", 0 if before is None else before + 1, before)], adds, info=info, replace=replace)


def version(root: str) -> int:
    """Of a table."""
    return open_snapshot(root).version
