"""The boxes of every pipeline, as an operator sees them in a runner's console."""

import os
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.pipeline import PipelineVisitor

from headrace.lake.before import Before
from headrace.lake.offsets import Retained, Topic
from headrace.lake.plans import SealedPlan
from headrace.lake.stream_commit import StreamTable
from headrace.spec.place import KafkaPlace
from headrace.spec.project import load_data_set, parse_data_set
from lib import clicks, shop
from pipelines import ingest_batch, ingest_stream

HERE = Path(__file__).parent


class Labels(PipelineVisitor):
    """Collects the full labels of the transforms that do something."""

    def __init__(self):
        self.labels = []

    def visit_transform(self, node):
        """One box."""
        self.labels.append(node.full_label)


def boxes(build):
    pipeline = beam.Pipeline(runner="FnApiRunner")
    build(pipeline)
    visitor = Labels()
    pipeline.visit(visitor)
    ours = dict.fromkeys("/".join(label.split("/")[:2]) for label in visitor.labels)  # what is below is Beam's own
    return "\n".join(ours) + "\n"


def check(name, found):
    golden = HERE / f"{name}.graph.txt"
    if os.environ.get("HEADRACE_GOLDEN") == "write":
        golden.write_text(found)
    assert found == golden.read_text()


@pytest.fixture
def data(tmp_path):
    """The shop's data set."""
    return load_data_set(str(shop.write_project(tmp_path)))[1]


def test_graph_of_batch_ingest(data):
    """Ranges are shuffled, rows are not: between reading and writing there is no shuffle."""
    plan = SealedPlan("plans", 1, 0)
    roots = {"quarantine": "q", "events": "e"}
    check("ingest_batch", boxes(lambda root: ingest_batch.build(root, plan, data, roots, Before(0, (), None, 0))))


def test_graph_of_stream_ingest():
    """Messages are not shuffled either; only names and numbers of files go to the commit."""
    topic = Topic("clicks", "", {0: Retained(0, 9)})
    tables = {
        name: StreamTable(name=name, root=name, prefix="", topic="clicks", contract="")
        for name in ("quarantine", "events")
    }
    first = {name: {0: 0} for name in tables}
    data = parse_data_set(clicks.CLICKS.replace("TOPIC", "clicks"), "clicks.yaml").value
    source = ingest_stream._source(topic, KafkaPlace(), first, None, tables)
    check("ingest_stream", boxes(lambda root: ingest_stream.build(root, source, data, tables, first)))
