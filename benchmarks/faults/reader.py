"""A reader beside whatever is killed."""

import threading
import time
from typing import Self

import pyarrow as pa
from deltalake import DeltaTable


class Reader:
    """Reads the whole table again and again; it must never fail, see a row twice, or see one go."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._stop = threading.Event()
        self._fault: BaseException | None = None
        self.reads = 0
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        seen: set[int] = set()
        while not self._stop.is_set():
            time.sleep(0.2)
            try:
                if not DeltaTable.is_deltatable(self._root):
                    continue
                ids = ids_of(self._root)
                now = set(ids)
                if len(now) < len(ids) or not seen <= now:
                    raise AssertionError(f"{len(ids) - len(now)} rows twice, {len(seen - now)} gone")  # noqa: TRY301
            except BaseException as fault:  # noqa: BLE001  # handed to whoever waits for the reader
                self._fault = fault
                return
            seen = now
            self.reads += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._fault is not None:
            raise RuntimeError(f"the reader beside: {self._fault}") from self._fault


def ids_of(root: str) -> list[int]:
    """The ids of all rows of a table."""
    table = pa.table(DeltaTable(root).to_pyarrow_table(columns=["id"]))
    found: list[int] = table.column("id").to_pylist()
    return found
