"""Rows of quarantine, checked again by the contract as it is now."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.rows.block import Origin, RawBlock
from headrace.rows.check import Checker
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
        self._lines = data.source.format != "csv"  # lines that name their own values
        self._declared = tuple(data.contract.columns)
        self.schema = self._checker.schema

    def __call__(self, rows: pa.RecordBatch, headers: Mapping[tuple[int, str], Header]) -> Replayed:
        """Check rows with the columns of a quarantine table, all of them replayable.

        `headers` are the columns of each file by plan and name; a row whose header lacks a
        column that the contract has now stays where it is.
        """
        found: list[pa.RecordBatch] = []
        places: list[pa.Array] = []
        for header, at in self._by_header(rows, headers):
            accepted, which = self._checked(rows.take(at), header)
            found.append(accepted)
            places.append(at.take(which))
        table = pa.Table.from_batches(found, self.schema).combine_chunks()
        accepted = table.to_batches()[0] if table.num_rows else pa.RecordBatch.from_pylist([], self.schema)
        return Replayed(accepted, pa.concat_arrays([pa.array([], pa.int64()), *places]), rows.num_rows)

    def _by_header(
        self, rows: pa.RecordBatch, headers: Mapping[tuple[int, str], Header]
    ) -> list[tuple[Header, pa.Array]]:
        """The rows of each header."""
        if self._lines:
            return [((), pa.array(range(rows.num_rows), pa.int64()))]
        keys = list(zip(rows.column("_plan").to_pylist(), rows.column("_file").to_pylist(), strict=True))
        by_header: dict[Header, list[int]] = {}
        for at, key in enumerate(keys):
            header = headers.get(key)
            if header and set(self._declared) <= set(header):
                by_header.setdefault(header, []).append(at)
        return [(header, pa.array(at, pa.int64())) for header, at in by_header.items()]

    def _checked(self, rows: pa.RecordBatch, header: Header) -> tuple[pa.RecordBatch, pa.Array]:
        raws = rows.column("raw").to_pylist()
        lengths = np.array([len(raw) + 1 for raw in raws], np.int64)
        starts = np.cumsum(lengths) - lengths
        data = b"".join(raw + b"\n" for raw in raws)
        accepted = self._checker.split(RawBlock(Origin("", 0, len(data)), data, None, header)).accepted
        which = np.searchsorted(starts, accepted.column("_offset").to_numpy(), side="right") - 1
        at = pa.array(which, pa.int64())
        columns = {name: accepted.column(name) for name in accepted.schema.names}
        columns |= {name: rows.column(name).take(at) for name in ("_file", "_offset")}
        return pa.RecordBatch.from_arrays([columns[name] for name in self.schema.names], schema=self.schema), at


def replayable(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Those rows of which every byte is there."""
    return rows.filter(pc.fill_null(rows.column("replayable"), False))
