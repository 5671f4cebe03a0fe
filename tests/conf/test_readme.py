"""What the README shows can be typed in, and what can be typed in is in the README."""

import re
import shutil
from pathlib import Path

import pytest
from pydantic import BaseModel

from headrace.features.feature_set import FeatureSpec
from headrace.spec.data_set import Column, DataSet, Dedupe, Retention, Source, Sources, StopIf, TableSection
from headrace.spec.model import Booster, Evaluate, Join, Label, Model, Score, Split, Train
from headrace.spec.place import BeamPlace, KafkaPlace, MetricsPlace, Place, Roots, SparkPlace
from headrace.spec.project import load_project, parse_data_set

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)


def test_the_data_set_it_shows_holds_together():
    """Pasted as it is."""
    (text,) = [block for block in BLOCKS if block.startswith("dataset:")]
    assert parse_data_set(text, "README.md").value.dataset == "returns"


def test_the_model_it_shows_holds_together(tmp_path):
    """Pasted as it is, beside the data sets of the example."""
    (text,) = [block for block in BLOCKS if block.startswith("model:")]
    shutil.copytree(REPOSITORY / "conf/flights", tmp_path / "flights")
    (tmp_path / "flights/late.yaml").write_text(text)
    project = load_project(str(tmp_path / "flights"))
    assert FeatureSpec.compile(project, "late").names


SECTIONS = (
    DataSet,
    Dedupe,
    TableSection,
    Retention,
    StopIf,
    Source,
    Sources,
    Column,
    Model,
    Label,
    Join,
    Split,
    Train,
    Booster,
    Evaluate,
    Score,
)
PLACES = (Place, Roots, BeamPlace, SparkPlace, KafkaPlace, MetricsPlace)


@pytest.mark.parametrize("section", SECTIONS + PLACES, ids=lambda section: section.__name__)
def test_every_key_is_told(section: type[BaseModel]):
    """No key of a project file is known to the schema alone."""
    names = [field.alias or name for name, field in section.model_fields.items()]
    assert [name for name in names if not re.search(rf"[`.{{ ,]{name}[`:. ,}}\]]|^{name}:", README, re.MULTILINE)] == []
