"""Raw rows to rows that keep their contract, and rows that do not."""

import numpy as np
import pyarrow as pa

from headrace.rows.block import Checked, Counts, Origin, RawBlock, Refused
from headrace.rows.cells import Mask
from headrace.rows.lines import Ints
from headrace.rows.parse_lines import LineParser
from headrace.rows.parse_rows import RowParser
from headrace.rows.quarantine import QUARANTINE_SCHEMA, quarantine, refused_row
from headrace.rows.row_checks import RowChecks
from headrace.rows.row_steps import Rows, clean, derive
from headrace.rules import compile_expression
from headrace.spec.columns import data_set_columns
from headrace.spec.data_set import DataSet

__all__ = ["ORIGIN", "QUARANTINE_SCHEMA", "Checker"]

ORIGIN = [pa.field("_file", pa.string()), pa.field("_offset", pa.int64())]
"""What every accepted row says of where it came from: the file, and its first byte in it, or of Parquet its number."""


class Checker:
    """Parses, cleans, derives and checks the rows of one data set; compiled once, used for many blocks.

    What becomes of a row depends on that row alone: any split of the same lines into
    blocks gives the same accepted rows, the same quarantined rows and the same counts.

    Attributes:
        schema: of accepted rows: declared columns, derived columns, `_file`, `_offset`.
    """

    def __init__(self, data: DataSet) -> None:
        self._types = data_set_columns(data)
        self._parse = RowParser(data) if data.source.format in ("parquet", "avro") else LineParser(data)
        parsed = {name: column.type for name, column in data.contract.columns.items()}
        self._clean = {name: compile_expression(text, parsed) for name, text in data.clean.items()}
        self._derive = {name: compile_expression(text, self._types) for name, text in data.derive.items()}
        self._checks = RowChecks(data, self._types)
        self.schema = pa.schema([*(pa.field(name, type_.arrow) for name, type_ in self._types.items()), *ORIGIN])

    def split(self, raw: RawBlock) -> Checked:
        """Every row of a block as an accepted row or, with every reason, as a quarantined one.

        Raises:
            DataFailure: the block's header lacks a column of the contract.
        """
        if raw.refused:
            return self._refused(raw.origin, raw.refused)
        parsed = self._parse(raw)
        rows = clean(parsed.rows, self._clean, self._types)
        rows = derive(rows, self._derive)
        keeps = np.ones(len(parsed.sound), np.bool_)
        for reason, broken in self._checks(rows):
            parsed.reasons.add(reason, parsed.sound[broken])
            keeps &= ~broken

        accepted = self._accepted(raw.origin.file, parsed.places[parsed.sound], rows, keeps)
        quarantined = quarantine(raw.origin.file, parsed)
        read = len(parsed.places)
        counts = Counts(raw.origin, read, accepted.num_rows, quarantined.num_rows, parsed.reasons.counts())
        return Checked(accepted, quarantined, counts)

    def _refused(self, origin: Origin, refused: Refused) -> Checked:
        """A range that cannot be read, as the one row that stands for it."""
        none = pa.RecordBatch.from_pylist([], self.schema)
        return Checked(none, refused_row(origin, refused), Counts(origin, 1, 0, 1, {refused.reason: 1}, refused))

    def _accepted(self, file: str, places: Ints, rows: Rows, keeps: Mask) -> pa.RecordBatch:
        """The rows that no reason holds for, each with its origin."""
        origin = [pa.repeat(file, len(places)), pa.array(places, pa.int64())]
        every = pa.RecordBatch.from_arrays([*rows.columns.values(), *origin], schema=self.schema)
        return every if keeps.all() else every.filter(pa.array(keeps))
