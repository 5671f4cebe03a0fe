"""A Kafka broker of a benchmark's own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts import kafka_node


@contextmanager
def broker() -> Iterator[str]:
    """The address of a node on a free loopback port; it and its data are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="headrace-broker-") as folder:
        try:
            yield kafka_node.start(Path(folder))
        finally:
            kafka_node.stop(Path(folder))
