"""Examples → bundle: fit the features on the train window, boost in one barrier stage, make the result live.

spark-submit jobs/train.py --config conf/flights/late.yaml [--place FILE] [--force]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace import entry, storage
from headrace.entry import Call
from headrace.features.feature_set import FeatureSet, FeatureSpec
from headrace.features.fit_statistics import Statistics
from headrace.lake.commit import newest_infos
from headrace.lake.layout import ModelFolder
from headrace.lake.reading import read_groups
from headrace.lake.snapshot import RowGroup
from headrace.learn.bundle import Bundle, live_bundle, make_live, write_bundle
from headrace.learn.card import LearnedFrom, card, card_text, made_from
from headrace.learn.examples import HASH, Examples, open_examples, refuse_unlearnable, unsigned
from headrace.learn.shares import Share, balance
from headrace.progress import Progress
from headrace.spec.model import Model, Train
from headrace.spec.project import load_model
from jobs.cluster.preflight import preflight
from jobs.cluster.rounds import heard, telling
from jobs.cluster.session import session
from jobs.cluster.tasks import merged_parts, slots

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from headrace.learn.boosting import Boosted, OnRound

_PACE = 1.0  # seconds between rounds that are shown


class Fitted(NamedTuple):
    """The feature spec and what it has learned of the train window."""

    spec: FeatureSpec
    state: Mapping[str, Any]


def train(call: Call) -> dict[str, Any]:
    """Learn from the newest examples; the same content, settings and libraries give the same bytes.

    Run twice it trains once: the live bundle's card says what it was made from.

    Raises:
        DataFailure: the examples are of other project files, empty or of one class.
        PlaceFailure: the place cannot run all workers at once, or a worker died.
    """
    project, model = load_model(call.config)
    spec = FeatureSpec.compile(project, model.model)
    preflight(call.place, workers=model.train.workers)
    folder = ModelFolder(call.place.roots.lake, project.name, model.model)
    examples = open_examples(folder.examples, model, spec.digest, call.config)
    refuse_unlearnable(examples)
    models = storage.join(call.place.roots.models, model.model)
    source = made_from(model, spec.digest, examples.windows)
    with storage.locked(models):
        if not call.options.force and (live := live_bundle(models)) and live.card["made_from"] == source:
            return {"model": model.model, "nothing_to_do": True, "bundle": live.id}
        shares = {name: balance(examples.groups(name), model.train.workers) for name in ("train", "valid")}
        tell = call.progress.step
        with session(call.place.spark, f"training {model.model}", workers=model.train.workers, tell=tell) as spark:
            call.progress.step(f"fitting features of {model.model}", rows=examples.windows["train"]["rows"])
            fitted = Fitted(spec, fit_features(spark, spec, examples.groups("train")))
            call.progress.step(f"training {model.model}", workers=model.train.workers, rounds=model.train.rounds)
            boosted = boost_shares(spark, shares, fitted, model.train, call)
        learned = LearnedFrom(_tables(examples, folder), examples.windows, shares)
        bundle = _bundle(models, model, fitted, boosted, learned, source)
        make_live(models, bundle.id)
    return {
        "model": model.model,
        "bundle": bundle.id,
        "digest": bundle.digest,
        "rounds": boosted.rounds,
        "valid_logloss": bundle.card["metrics"]["valid"]["logloss"],
        "path": bundle.path,
    }


def fit_features(spark: SparkSession, spec: FeatureSpec, groups: Sequence[RowGroup]) -> dict[str, Any]:
    """The state of the fitted steps: tasks gather, and merge for the driver; the same for any number of tasks."""
    stored = spec.stored.names

    def gather(share: Share) -> Statistics:
        statistics = spec.statistics()
        for rows in read_groups(share, [HASH, *stored]):
            statistics.update(rows.select(stored), unsigned(rows.column(HASH)))
        return statistics

    def merge(one: Statistics, other: Statistics) -> Statistics:
        one.merge(other)
        return one

    shares = [share for share in balance(groups, slots(spark)) if share]
    return spec.fit(merged_parts(spark, shares, gather, merge) or spec.statistics())


def boost_shares(
    spark: SparkSession,
    shares: Mapping[str, Sequence[Share]],
    fitted: Fitted,
    settings: Train,
    call: Call,
) -> Boosted:
    """The model of all shares together; every worker reads its own row groups."""
    from headrace.learn.boosting import Boosted  # noqa: PLC0415  # XGBoost is loaded when there is work
    from jobs.cluster.barrier import all_at_once, driver_host  # noqa: PLC0415

    with heard(driver_host(spark), _shown(call.progress, settings.rounds)) as address:
        work = partial(_boost_share, shares=shares, fitted=fitted, settings=settings, address=address)
        result = json.loads(all_at_once(spark, settings.workers, work, call.place.spark.peer_timeout))
    return Boosted(**{**result, "model": result["model"].encode()})


def _boost_share(
    number: int,
    threads: int,
    *,
    shares: Mapping[str, Sequence[Share]],
    fitted: Fitted,
    settings: Train,
    address: tuple[str, int],
) -> bytes:
    from headrace.learn.boosting import boost  # noqa: PLC0415  # XGBoost is loaded when there is work
    from headrace.learn.matrix import quantile_matrix  # noqa: PLC0415

    # Loaded here, so that every worker's machine is checked against the golden rows.
    features = FeatureSet.load(fitted.spec, fitted.state)
    matrix = partial(quantile_matrix, features=features, stored=fitted.spec.stored, threads=threads)
    train = matrix(shares["train"][number], max_bin=settings.booster.max_bin)
    valid = matrix(shares["valid"][number], max_bin=settings.booster.max_bin, cuts_of=train)
    with telling(address) if number == 0 else contextlib.nullcontext() as on_round:
        boosted = boost(train, valid, settings, threads, on_round)
    return json.dumps({**boosted._asdict(), "model": boosted.model.decode()}).encode()


def _shown(progress: Progress, rounds: int) -> OnRound:
    """Rounds for people: the first, and then one a second."""
    last = -_PACE

    def on_round(number: int, train: float, valid: float) -> None:
        nonlocal last
        if time.monotonic() - last >= _PACE:
            last = time.monotonic()
            progress.step(
                "boosting", round=number, of=rounds, train_logloss=round(train, 5), valid_logloss=round(valid, 5)
            )

    return on_round


def _bundle(
    models: str,
    model: Model,
    fitted: Fitted,
    boosted: Boosted,
    learned: LearnedFrom,
    source: Mapping[str, Any],
) -> Bundle:
    from headrace.learn.boosting import gains  # noqa: PLC0415  # XGBoost is loaded when there is work

    spec = fitted.spec
    features = {"format": 1, "spec": spec.digest, "names": list(spec.names), "state": fitted.state}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record = card(model, source, learned, boosted, gains(boosted.model, spec.names), now)
    return write_bundle(models, boosted.model, features, record, card_text(record))


def _tables(examples: Examples, folder: ModelFolder) -> dict[str, Mapping[str, Any]]:
    """Every table the model rests on, at the version that was read."""
    features = examples.inputs["features"]
    built = (info for info in newest_infos(folder.features) if info["version"] <= features["version"])
    behind = {f"features.{name}": table for name, table in next(built, {"inputs": {}})["inputs"].items()}
    return {"examples": examples.snapshot.pinned(), **examples.inputs, **behind}


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="train although the live bundle is up to date or broken")


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    about = __doc__.splitlines()[0]
    return entry.run(train, argv, prog="python -m jobs.train", about=about, options=_options)


if __name__ == "__main__":
    sys.exit(main())
