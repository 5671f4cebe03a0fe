"""Read what a report tells: from the lake, the live bundle, and what the steps left. Nothing is changed."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace import storage
from headrace.failures import DataFailure, Failure
from headrace.lake.commit import last_info, newest_infos
from headrace.lake.ingested import ingested
from headrace.lake.layout import DataSetFolder, ModelFolder
from headrace.lake.snapshot import Snapshot, open_snapshot
from headrace.lake.tables import is_table
from headrace.learn.bundle import Bundle
from headrace.learn.examples import WINDOWS
from headrace.report import bundle_facts
from headrace.report.column_profile import profile
from headrace.report.contents import (
    DataSetAccount,
    Evaluation,
    FeatureBuild,
    Missing,
    Question,
    Report,
    Scores,
    Step,
    TableFacts,
    Window,
)
from headrace.report.evaluation_file import read_evaluation
from headrace.report.quarantined import examples
from headrace.report.score_spread import spread_by_bundle
from headrace.report.step_times import step_times
from headrace.rows.explain import explain
from headrace.spec.data_set import DataSet
from headrace.spec.located import Project
from headrace.spec.model import Model
from headrace.spec.place import Place


@dataclass(frozen=True)
class _Reader:
    """Reads part by part; a part that cannot be read is noted, and the others are read all the same."""

    project: Project
    model: Model
    place: Place
    missing: list[Missing] = field(default_factory=list)

    @property
    def folder(self) -> ModelFolder:
        return ModelFolder(self.place.roots.lake, self.project.name, self.model.model)

    @property
    def file(self) -> str:
        return self.project.models[self.model.model].file

    def part[T](self, name: str, step: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Failure as failure:
            self.missing.append(Missing(name, str(failure), f"headrace {step} {self.file}"))
            return None


def collect(project: Project, model: Model, place: Place, made_at: dt.datetime) -> Report:
    """Everything there is to tell of a model; what is not there yet stands in `missing`."""
    reader = _Reader(project, model, place)
    accounts = tuple(a for name in model.data_sets for a in (_account(reader, name),) if a is not None)
    features = reader.part("features", "features", lambda: _features(reader.folder.features))
    bundle = reader.part(
        "model", "train", lambda: bundle_facts.read_bundle(storage.join(place.roots.models, model.model))
    )
    trained = reader.part("model", "train", lambda: bundle_facts.trained(bundle)) if bundle else None
    return Report(
        project=project.name,
        model=model.model,
        made_at=made_at.astimezone(dt.UTC).isoformat(timespec="seconds"),
        question=Question(model.rows, model.predict_at, model.label.value, model.label.from_),
        windows=_windows(model, reader.folder.examples, bundle),
        accounts=accounts,
        features=features,
        trained=trained,
        evaluation=reader.part("evaluation", "evaluate", lambda: _evaluation(reader, bundle)),
        scores=reader.part("scores", "score", lambda: _scores(open_snapshot(reader.folder.scores), bundle)),
        tables=tuple(_tables(reader, bundle)),
        steps=reader.part("steps", "run", lambda: _steps(reader)) or (),
        missing=tuple(reader.missing),
    )


def _account(reader: _Reader, name: str) -> DataSetAccount | None:
    located = reader.project.data_sets[name]
    folder = DataSetFolder(reader.place.roots.lake, reader.project.name, name)
    try:
        return _closed(folder, located.value)
    except Failure as failure:
        reader.missing.append(Missing(f"account of {name}", str(failure), f"headrace ingest {located.file}"))
        return None


def _closed(folder: DataSetFolder, data: DataSet) -> DataSetAccount:
    total = ingested(data, folder)
    if not (total["plans"] or total["read"]):
        raise DataFailure(f"{folder.accounts}: nothing was ingested yet")
    events, quarantine = open_snapshot(folder.events), open_snapshot(folder.quarantine)
    return DataSetAccount(
        name=data.dataset,
        **total,
        first=_bound(min, (f.low.get(data.time or "") for f in events.files)),
        last=_bound(max, (f.high.get(data.time or "") for f in events.files)),
        examples=examples(quarantine.files),
        meanings={reason: explain(reason, data) for reason in total["reasons"]},
    )


def _bound(choose: Callable[[Iterable[dt.datetime]], dt.datetime], bounds: Iterable[dt.datetime | None]) -> str | None:
    """The least or greatest of the bounds as ISO text; None where a file has none, so that nobody knows."""
    known = list(bounds)
    there = [b for b in known if b is not None]
    return choose(there).isoformat() if there and len(there) == len(known) else None


def _features(root: str) -> FeatureBuild:
    table = open_snapshot(root)
    builds = [info for info in newest_infos(root) if "account" in info]
    of_this_generation = [info for info in builds if info["generation"] == builds[0]["generation"]]
    return FeatureBuild(
        rows=table.rows,
        builds=len(of_this_generation),
        waiting=builds[0]["account"]["waiting"] if builds else 0,
        catch_up=sum(info["account"]["catch_up"] for info in of_this_generation),
        never_due=sum(info["account"]["never_due"] for info in of_this_generation),
        until=builds[0].get("low_water") if builds else None,
        columns=profile(table.files, table.schema),
    )


def _windows(model: Model, examples: str, bundle: Bundle | None) -> tuple[Window, ...]:
    """The split's windows: train and valid as the bundle saw them, test as the examples stand."""
    counted = {**(last_info(examples) or {}).get("windows", {})}
    if bundle:
        seen = bundle.card.get("windows", {})
        counted |= {name: seen[name] for name in ("train", "valid") if name in seen}
    bounds = {name: getattr(model.split, name) for name in WINDOWS if getattr(model.split, name)}
    return tuple(_window(name, bounds[name], counted.get(name, {})) for name in bounds)


def _window(name: str, bounds: tuple[str, str], counts: Mapping[str, Any]) -> Window:
    figures = {key: counts.get(key) for key in ("rows", "positives", "unlabeled", "known_late")}
    return Window(name, counts.get("from", bounds[0]), counts.get("to", bounds[1]), **figures)


def _evaluation(reader: _Reader, bundle: Bundle | None) -> Evaluation:
    found = read_evaluation(storage.join(reader.place.roots.reports, f"{reader.model.model}.evaluation.json"))
    if bundle and found.bundle != bundle.id:
        # Told all the same: the figures are true, only of another model than the live one.
        why = f"the figures are of bundle {found.bundle}, the live one is {bundle.id}"
        reader.missing.append(Missing("evaluation of the live bundle", why, f"headrace evaluate {reader.file}"))
    return found


def _scores(table: Snapshot, bundle: Bundle | None) -> Scores:
    spreads = spread_by_bundle(table)
    live = spreads.get(bundle.id) if bundle else None
    return Scores(
        rows=table.rows,
        by_bundle={name: spread.rows for name, spread in sorted(spreads.items())},
        first=_bound(min, (f.low.get("predict_at") for f in table.files)),
        last=_bound(max, (f.high.get("predict_at") for f in table.files)),
        mean=live.mean if live else None,
        histogram=tuple(live.bins.tolist()) if live else (),
    )


def _tables(reader: _Reader, bundle: Bundle | None) -> Iterable[TableFacts]:
    """The tables that stand, with the version of each that the bundle was made from."""
    read = bundle.card.get("tables", {}).values() if bundle else ()
    learned_from = {table["id"]: table["version"] for table in read}
    for name, root in _roots(reader).items():
        if is_table(root):
            table = open_snapshot(root)
            yield TableFacts(name, table.table_id, table.version, table.rows, root, learned_from.get(table.table_id))


def _roots(reader: _Reader) -> dict[str, str]:
    roots: dict[str, str] = {}
    for name in reader.model.data_sets:
        folder = DataSetFolder(reader.place.roots.lake, reader.project.name, name)
        roots |= {f"{name}/events": folder.events, f"{name}/quarantine": folder.quarantine}
    own, model = reader.folder, reader.model.model
    return {
        **roots,
        f"{model}/features": own.features,
        f"{model}/examples": own.examples,
        f"{model}/scores": own.scores,
    }


def _steps(reader: _Reader) -> tuple[Step, ...]:
    """The noted steps of the model and of its data sets, in the order they were run."""
    own = {reader.model.model, *reader.model.data_sets}
    noted = step_times(reader.place.roots.reports, reader.project.name)
    found = [Step(name, took.seconds, took.at) for name, took in noted.items() if name.split(" ")[1] in own]
    return tuple(sorted(found, key=lambda step: step.at))
