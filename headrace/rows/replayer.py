"""Rows of quarantine, checked again by the contract as it is now."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.failures import DataFailure
from headrace.rows.block import Block, Origin, RawBlock
from headrace.rows.check import Checker
from headrace.rows.folders import columns_in_rows, folder_cells
from headrace.rows.messages import MESSAGES, MessageChecker
from headrace.spec.data_set import DataSet

type Header = tuple[str, ...]


class Replayed(NamedTuple):
    """What became of some quarantined rows: read = accepted + still in quarantine."""

    accepted: pa.RecordBatch  # as a check would have given them: their own file and offset
    at: pa.Array  # int64: which of the rows each accepted one was
    read: int


class Replayer:
    """Checks raw lines of quarantine again; compiled once.

    What becomes of a row depends on that row alone, its header and the contract, as when it
    first came.
    """

    def __init__(self, data: DataSet) -> None:
        self._checker = Checker(data)
        self._source = data.source
        self._lines = data.source.format != "csv"  # lines that name their own values
        self._declared = tuple(columns_in_rows(data))
        self.schema = self._checker.schema

    def __call__(self, rows: pa.RecordBatch, headers: Mapping[tuple[int, str], Header]) -> Replayed:
        """Check rows with the columns of a quarantine table, all of them replayable.

        `headers` are the columns of each file by plan and name; a row whose header lacks a
        column that the contract has now stays where it is.
        """
        found: list[pa.RecordBatch] = []
        places: list[pa.Array] = []
        for (header, file), at in self._alike(rows, headers).items():
            accepted, which = self._checked(rows.take(at), header, file)
            found.append(accepted)
            places.append(at.take(which))
        accepted = one_batch(pa.Table.from_batches(found, self.schema))
        return Replayed(accepted, pa.concat_arrays([pa.array([], pa.int64()), *places]), rows.num_rows)

    def _alike(
        self, rows: pa.RecordBatch, headers: Mapping[tuple[int, str], Header]
    ) -> dict[tuple[Header, str], pa.Array]:
        """The rows that are read in the same way, by their header and a file whose folders say the same."""
        keys = zip(rows.column("_plan").to_pylist(), rows.column("_file").to_pylist(), strict=True)
        # Of several lines, a row is one only where the source says so.
        whole = self._lines or self._source.multiline or pc.equal(pc.find_substring(rows.column("raw"), b"\n"), -1)
        ways: dict[tuple[int, str], tuple[Header, str] | None] = {}
        files: dict[tuple[str | None, ...], str] = {}
        found: dict[tuple[Header, str], list[int]] = {}
        for at, key in enumerate(keys):
            if key not in ways:
                ways[key] = self._way(key, headers, files)
            way = ways[key]
            if way and (whole is True or whole[at].as_py()):
                found.setdefault(way, []).append(at)
        return {way: pa.array(at, pa.int64()) for way, at in found.items()}

    def _way(
        self,
        key: tuple[int, str],
        headers: Mapping[tuple[int, str], Header],
        files: dict[tuple[str | None, ...], str],
    ) -> tuple[Header, str] | None:
        """How rows of a plan's file are read; None where they cannot be."""
        header = () if self._lines else headers.get(key, ())
        if not self._lines and not set(self._declared) <= set(header):
            return None
        try:
            cells = folder_cells(key[1], self._source)
        except DataFailure:
            return None
        return header, files.setdefault(tuple(cells.values()), key[1])

    def _checked(self, rows: pa.RecordBatch, header: Header, file: str) -> tuple[pa.RecordBatch, pa.Array]:
        raws = rows.column("raw").to_pylist()
        lengths = np.array([len(raw) + 1 for raw in raws], np.int64)
        bounds = np.append(0, np.cumsum(lengths))
        data = b"".join(raw + b"\n" for raw in raws)
        raw = RawBlock(Origin(file, 0, len(data)), data, None, header, bounds=bounds)
        accepted = self._checker.split(raw).accepted
        which = np.searchsorted(bounds, accepted.column("_offset").to_numpy())
        at = pa.array(which, pa.int64())
        columns = {name: accepted.column(name) for name in accepted.schema.names}
        columns |= {name: rows.column(name).take(at) for name in ("_file", "_offset")}
        return pa.RecordBatch.from_arrays([columns[name] for name in self.schema.names], schema=self.schema), at


class MessageReplayer:
    """Checks messages of quarantine again; compiled once.

    When the broker got them is not known any more, so nobody says whether they were late.
    """

    def __init__(self, data: DataSet) -> None:
        self._checker = MessageChecker(data)
        self.schema = self._checker.schema

    def __call__(self, rows: pa.RecordBatch) -> Replayed:
        """Check rows with the columns of a quarantine table, all of them replayable."""
        found: list[pa.RecordBatch] = []
        places: list[pa.Array] = []
        files = rows.column("_file").dictionary_encode()
        for code, file in enumerate(files.dictionary.to_pylist()):
            at = np.flatnonzero(files.indices.to_numpy() == code)
            offsets = rows.column("_offset").to_numpy()[at]
            at = at[np.argsort(offsets)]
            messages = _messages(rows.take(pa.array(at)))
            accepted = self._checker.split(Block(Origin(file, 0, 0), messages)).accepted
            found.append(accepted)
            places.append(pa.array(at[np.searchsorted(np.sort(offsets), accepted.column("_offset").to_numpy())]))
        table = pa.Table.from_batches(found, self.schema)
        return Replayed(one_batch(table), pa.concat_arrays([pa.array([], pa.int64()), *places]), rows.num_rows)


def _messages(rows: pa.RecordBatch) -> pa.RecordBatch:
    """The messages that rows of quarantine were."""
    unknown = [pa.nulls(rows.num_rows, MESSAGES.field(name).type) for name in ("time", "key")]
    return pa.RecordBatch.from_arrays([rows.column("_offset"), *unknown, rows.column("raw")], schema=MESSAGES)


def one_batch(table: pa.Table) -> pa.RecordBatch:
    """The rows of a table, also where it has none."""
    (batch,) = table.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
    return batch


def replayable(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Those rows of which every byte is there."""
    return rows.filter(pc.fill_null(rows.column("replayable"), False))
