"""A peer, once, as a process of its own: `python -m benchmarks.ingest_stream.peer plain SERVERS TOPIC FOLDER`."""

import importlib
import logging
import sys
from pathlib import Path

if __name__ == "__main__":
    peer, servers, topic, out = sys.argv[1:]
    logging.disable(logging.WARNING)  # Beam's greetings
    importlib.import_module(f"benchmarks.ingest_stream.{peer}").ingest(servers, topic, Path(out))
