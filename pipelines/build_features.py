"""Due rows → feature columns, joined as they were known when the prediction was due.

python -m pipelines.build_features --config conf/flights/late.yaml [--place FILE] [Beam options]
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace import entry, storage
from headrace.entry import Call
from headrace.failures import Failure
from headrace.features.build import Build
from headrace.features.due import PREDICT_AT
from headrace.features.feature_set import FeatureSpec
from headrace.features.features_table import features_schema, read_schema
from headrace.features.kept import kept_columns
from headrace.features.next_build import next_build
from headrace.features.sides import Side, open_sides
from headrace.lake.at_work import at_work
from headrace.lake.commit import last_info, stored_token
from headrace.lake.layout import DataSetFolder, ModelFolder
from headrace.lake.snapshot import open_snapshot
from headrace.lake.tables import create_table
from headrace.spec.model import Model
from headrace.spec.project import Project, load_model
from pipelines.launch import Launcher

if TYPE_CHECKING:
    import apache_beam as beam

    from transforms.join_as_of import JoinAsOf
    from transforms.join_look_up import JoinLookUp


@dataclass(frozen=True)
class Inputs:
    """What a build reads: the model, compiled, and its joins at pinned versions."""

    project: Project
    model: Model
    spec: FeatureSpec
    sides: Mapping[str, Side]


def build(root: "beam.Pipeline", work: Build, inputs: Inputs, table: str) -> None:
    """Lay out the whole flow; each quoted name is a box in the runner's graph."""
    # Beam is loaded when there is work.
    from transforms.add_features import AddFeatures  # noqa: PLC0415
    from transforms.commit_features import Built, CommitFeatures  # noqa: PLC0415
    from transforms.keep_due import KeepDue  # noqa: PLC0415
    from transforms.read_delta import ReadDelta  # noqa: PLC0415
    from transforms.write_files import WriteFiles  # noqa: PLC0415

    model, project, spec = inputs.model, inputs.project, inputs.spec
    rows = root | "Read rows" >> ReadDelta(work.files, read_schema(model, project, spec))
    due = rows | "Due" >> KeepDue(spec.predict_at, work.window)
    joined = due.rows
    for name, side in inputs.sides.items():
        joined = joined | f"Join {name}" >> _join(side)
    stored = joined | "Features" >> AddFeatures(spec, [*kept_columns(model, project), PREDICT_AT.name])
    files = stored | "Write features" >> WriteFiles(table, features_schema(model, project, spec))

    Built(files, due.counts) | "Settle" >> CommitFeatures(work, table)


def _join(side: Side) -> "JoinAsOf | JoinLookUp":
    from transforms.join_as_of import JoinAsOf  # noqa: PLC0415
    from transforms.join_look_up import JoinLookUp  # noqa: PLC0415

    return JoinLookUp(side) if side.join.as_of is None else JoinAsOf(side)


def build_features(call: Call) -> dict[str, Any]:
    """Bring the model's feature table up to the low-water of its inputs.

    Run twice it commits nothing the second time.
    """
    launcher = Launcher(call)
    project, model = load_model(call.config)
    spec = FeatureSpec.compile(project, model.model)
    lake = call.place.roots.lake
    folder = ModelFolder(lake, project.name, model.model)
    data = project.data_sets[model.rows].value
    with at_work(folder.root):
        # Pinned under the lock: a build that waited must not go back behind the one it waited for.
        rows = open_snapshot(DataSetFolder(lake, project.name, model.rows).events)
        sides = open_sides(model, project, spec, lake)
        table_id = create_table(folder.features, features_schema(model, project, spec))
        app = f"{model.model}/features/{table_id}"
        work = next_build(folder.features, app, spec, kept_columns(model, project), rows, data, sides)
        if work is None:
            return {"model": model.model, "nothing_to_do": True}
        call.progress.step(
            f"features of {model.model}", rows=rows.rows, through=work.info["low_water"], rebuild=work.replace
        )
        state = launcher.run(
            f"features of {model.model}",
            sum(file.rows for file in work.files),
            # A worker stands in another folder.
            lambda root: build(root, work, Inputs(project, model, spec, sides), storage.absolute(folder.features)),
        )
        _prove_committed(folder.features, work, state)
    info = last_info(folder.features) or {}
    return {"model": model.model, **info["account"], "low_water": info["low_water"], "version": info["version"]}


def _prove_committed(root: str, work: Build, state: str) -> None:
    """The runner's word that it is done is not believed: what the table carries is."""
    if lacking := [token.app for token in work.tokens if stored_token(root, token.app) != token.version]:
        raise Failure(
            f"{root}: the runner has ended (state {state}), but the table does not carry {lacking[0]} of this build: "
            "nothing was committed. Does the runner only draw or submit pipelines? Name another one in the place file, "
            "or look into its log; the next run builds the same rows"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    about = __doc__.splitlines()[0]
    return entry.run(build_features, argv, prog="python -m pipelines.build_features", about=about, pass_on=True)


if __name__ == "__main__":
    sys.exit(main())
