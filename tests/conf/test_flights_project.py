"""The example project holds what its comments say, on the real files."""

import os
from collections import Counter
from pathlib import Path

import pytest

from headrace.cli.sample import write_flights
from headrace.features.feature_set import FeatureSpec
from headrace.rows.check import Checker
from headrace.rows.cut import cut, read_range
from headrace.spec.project import load_place, load_project

CONF = Path(__file__).parents[2] / "conf"
VARIABLES = (
    "FLINK_MASTER",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_CLOUD_REGION",
    "HEADRACE_CLAIM",
    "HEADRACE_IMAGE",
    "HEADRACE_PYTHON",
    "HEADRACE_ROOT",
    "HEADRACE_BUCKET",
    "SPARK_MASTER",
)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flights")
    write_flights(folder / "raw")
    return folder


@pytest.mark.parametrize(
    ("name", "accepted", "reasons"),
    [
        ("schedule", 336_772, {"tailnum.pattern": 4}),
        ("outcomes", 336_772, {"tailnum.pattern": 4}),
        ("weather", 26_114, {"wind_speed.max": 1}),
        ("planes", 3_322, {}),
    ],
)
def test_each_contract_holds_on_the_real_files(name: str, accepted: int, reasons: dict[str, int], raw: Path) -> None:
    """Every row is accepted but the few that the file's first lines name."""
    data = load_project(str(CONF / "flights")).data_sets[name].value
    checker = Checker(data)
    found: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    for file in sorted(map(str, raw.glob(data.source.path))):
        plan = cut(file, data)
        for start, end in plan.ranges:
            counts = checker.split(read_range(file, file, start, end, data.source, header=plan.header)).counts
            found.update(accepted=counts.accepted, read=counts.read)
            broken.update(counts.reasons)
    assert found == {"accepted": accepted, "read": accepted + sum(reasons.values())}
    assert broken == reasons


def test_the_model_uses_nothing_that_is_known_too_late() -> None:
    """The model compiles, leak guard and all, to these features."""
    project = load_project(str(CONF / "flights"))
    assert FeatureSpec.compile(project, "late").names[:6] == (
        "minute_of_day",
        "weekday",
        "distance",
        "plane_age",
        "seats",
        "seats__missing",
    )


@pytest.mark.parametrize("path", sorted((CONF / "places").iterdir()), ids=lambda path: path.stem)
def test_every_place_can_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its variables set a place loads, under the name its file has."""
    for variable in VARIABLES:
        monkeypatch.setitem(os.environ, variable, "/somewhere")
    assert load_place(str(path)).place == path.stem.replace("-", "_")
