"""A file for Prometheus' collector that tells how an endless run is, kept while it goes on."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from headrace import storage
from headrace.cli.metrics import exposition
from headrace.failures import Failure
from headrace.spec.place import Place
from headrace.spec.project import Project


@contextmanager
def metrics_kept(
    project: Project, place: Place, data_set: str, lag: Callable[[], Mapping[str, int]] = dict
) -> Iterator[None]:
    """Inside, the file is written every so often, and once more at the end; nothing where the place names no folder.

    A figure that cannot be had, as no broker answers, is said once and does not stop the run:
    the file stays as it was, and its age tells.
    """
    if not place.metrics.folder:
        yield
        return
    over = threading.Event()
    path = storage.join(place.metrics.folder, f"{project.name}_{data_set}.prom")

    def keep() -> None:
        told = ""
        while True:
            ended = over.wait(place.metrics.every.total_seconds())
            try:
                storage.put(path, exposition(project, place, data_set, lag()).encode())
            except (Failure, OSError) as failure:
                if str(failure) != told:
                    told = str(failure)
                    sys.stderr.write(f"metrics: {told}\n")
            if ended:
                return

    keeper = threading.Thread(target=keep, daemon=True, name="metrics")
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
