"""The shop of the other tests, with its files and its lake in one bucket."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from deltalake import DeltaTable

from headrace import storage
from headrace.lake.layout import DataSetFolder, ModelFolder
from lib import shop

REPOSITORY = Path(__file__).parents[2]


class StoredShop:
    """A project in a folder, whose raw files and tables are objects."""

    def __init__(self, folder: Path, store: str, env: dict[str, str]):
        """Nothing is delivered yet."""
        self.folder, self.store, self.env = folder, store, env
        self.config = shop.write_project(folder)
        self.edit("raw/orders/*.csv", f"{store}/raw/orders/*.csv")
        place = f"place: double\nroots: {{lake: {store}/lake, models: {store}/models, reports: {store}/reports}}\n"
        (folder / "place.yaml").write_text(place)
        self.lake = DataSetFolder(f"{store}/lake", "shop", "orders")
        self.model = ModelFolder(f"{store}/lake", "shop", "big")

    def edit(self, old: str, new: str) -> None:
        """Change the data-set file."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def deliver(self, name: str, ids: range, bad: frozenset[int] = frozenset()) -> None:
        """One object of orders."""
        shop.deliver(self.folder, name, ids, bad)
        storage.put(f"{self.store}/raw/orders/{name}", (self.folder / "raw/orders" / name).read_bytes())

    def start(self, *call: str, **env: str) -> subprocess.Popen:
        """An entry point or `headrace` as a process, which leads a group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", *call, "--place", "place.yaml"],
            cwd=self.folder,
            env={**os.environ, **self.env, "PYTHONPATH": str(REPOSITORY), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ids(self) -> Counter:
        """Of the orders in events."""
        return Counter(DeltaTable(self.lake.events).to_pyarrow_table().column("id").to_pylist())
