"""The keys of all rows of a table and how late each row is, for streams whose later rows replace earlier ones.

Some 24 bytes a row of the table, 100 while it is looked at. Every commit looks through all of
them, which suits tables of some million rows.
"""

import threading
from collections.abc import Sequence

import numpy as np

from headrace import storage
from headrace.lake.key_window import RowKeys, StreamKey, Verdict, keys_in, keys_of_file, too_large
from headrace.lake.reading import read_group
from headrace.lake.repeats import Keys, find_repeats
from headrace.lake.snapshot import open_snapshot, row_groups
from headrace.rows.block import Origin


class LatestWindow:
    """Tells which rows are not the latest of their key, among those of the table and those to be committed.

    For one thread at a time, which holds the lock.
    """

    def __init__(self, root: str, key: StreamKey) -> None:
        self._root = root
        self.key = key
        self.lock = threading.Lock()
        self._files: dict[str, dict[Origin, RowKeys]] = {}  # by path, and row group; a file never changes

    def catch_up(self) -> int:
        """Take in what the table holds now; returns its version.

        Raises:
            DataFailure: the keys of the table take more memory than they may.
        """
        snapshot = open_snapshot(self._root)
        if (rows := snapshot.rows) * self.key.row_bytes > self.key.most_bytes:
            raise too_large(self._root, rows, self.key)
        there = {storage.absolute(file.path): file for file in snapshot.files}
        for gone in self._files.keys() - there.keys():
            del self._files[gone]
        for path in there.keys() - self._files.keys():
            self._files[path] = {
                Origin(group.path, group.number, group.number + 1): keys_in(
                    read_group(group, self.key.schema(snapshot.schema)), self.key
                )
                for group in row_groups([there[path]])
            }
        return snapshot.version

    def keys(self, name: str) -> RowKeys:
        """Of the rows of one file under the table's root, in their order."""
        return keys_of_file(storage.join(self._root, name), self.key)

    def verdict(self, files: Sequence[RowKeys]) -> Verdict:
        """Which rows of these files do not stay, and which of the table."""
        old = [
            Keys(origin, keys.high, keys.low, np.arange(len(keys.high)), keys.rank, old=True)
            for groups in self._files.values()
            for origin, keys in groups.items()
        ]
        new = [
            Keys(Origin("", number, number + 1), keys.high, keys.low, np.arange(len(keys.high)), keys.rank)
            for number, keys in enumerate(files)
        ]
        found = find_repeats([*old, *new])
        places = {repeats.origin.start: repeats.places for repeats in found if not repeats.old}
        none = np.array([], np.int64)
        return Verdict(
            [places.get(number, none) for number in range(len(files))], [repeats for repeats in found if repeats.old]
        )

    def committed(self, version: int, rows: RowKeys) -> None:
        """Nothing: what a commit adds and what it replaces is read back when the table is looked at next."""
