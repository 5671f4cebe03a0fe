"""Raw lines to rows that keep their contract, and rows that do not."""

import numpy as np
import pyarrow as pa

from headrace.failures import DataFailure
from headrace.rows.block import Checked, Counts, RawBlock
from headrace.rows.cell_reader import cell_reader
from headrace.rows.cells import Cells, Mask
from headrace.rows.csv_cells import csv_cells
from headrace.rows.json_cells import JsonReader
from headrace.rows.line_faults import line_faults
from headrace.rows.lines import Ints, Lines
from headrace.rows.parse_cells import failed
from headrace.rows.quarantine import QUARANTINE_SCHEMA, quarantine
from headrace.rows.reasons import Reasons
from headrace.rows.row_checks import RowChecks
from headrace.rows.row_steps import Rows, clean, derive
from headrace.rows.rows_of_lines import row_starts, rows_of_lines
from headrace.rules import compile_expression
from headrace.spec.columns import data_set_columns
from headrace.spec.data_set import DataSet

__all__ = ["QUARANTINE_SCHEMA", "Checker"]

ORIGIN = [pa.field("_file", pa.string()), pa.field("_offset", pa.int64())]
"""What every accepted row says of where it came from: the file, and its line's first byte in it."""


class Checker:
    """Parses, cleans, derives and checks the rows of one data set; compiled once, used for many blocks.

    What becomes of a row depends on that row alone: any split of the same lines into
    blocks gives the same accepted rows, the same quarantined rows and the same counts.

    Attributes:
        schema: of accepted rows: declared columns, derived columns, `_file`, `_offset`.
    """

    def __init__(self, data: DataSet) -> None:
        self._source = data.source
        self._types = data_set_columns(data)
        declared = data.contract.columns
        mark = data.source.decimal if data.source.format == "csv" else "."
        self._readers = {name: cell_reader(column, mark) for name, column in declared.items()}
        self._json = JsonReader(data) if data.source.format == "jsonl" else None
        parsed = {name: column.type for name, column in declared.items()}
        self._clean = {name: compile_expression(text, parsed) for name, text in data.clean.items()}
        self._derive = {name: compile_expression(text, self._types) for name, text in data.derive.items()}
        self._checks = RowChecks(data, self._types)
        self.schema = pa.schema([*(pa.field(name, type_.arrow) for name, type_ in self._types.items()), *ORIGIN])

    def split(self, raw: RawBlock) -> Checked:
        """Every line of a block as an accepted row or, with every reason, as a quarantined one.

        Raises:
            DataFailure: the block's header lacks a column of the contract.
        """
        lines = self._rows(Lines.of(raw.data))
        reasons = Reasons(line_faults(lines, self._source))
        sound = np.delete(np.arange(len(lines)), reasons.lines)
        if raw.tail:
            reasons.add("line.too_long", np.array([len(lines)]))

        cells = self._read(raw, lines, sound)
        reasons.add("line.json" if self._json else "line.fields", sound[cells.rejected])
        sound = np.delete(sound, cells.rejected)

        rows = self._parse(cells)
        rows = clean(rows, self._clean, self._types)
        rows = derive(rows, self._derive)
        keeps = np.ones(len(sound), np.bool_)
        for reason, broken in self._checks(rows):
            reasons.add(reason, sound[broken])
            keeps &= ~broken

        accepted = self._accepted(raw, lines.bounds[sound], rows, keeps)
        quarantined = quarantine(raw, lines, reasons, self._source.line.max_bytes)
        read = len(lines) + (raw.tail is not None)
        counts = Counts(raw.origin, read, accepted.num_rows, quarantined.num_rows, reasons.counts())
        return Checked(accepted, quarantined, counts)

    def _rows(self, lines: Lines) -> Lines:
        """The lines of each row as one, where a row may have several."""
        source = self._source
        if not source.multiline or source.quote.encode() not in lines.data:
            return lines
        starts = row_starts(lines, source.quote, source.delimiter, source.line.max_bytes)
        return rows_of_lines(lines, starts.first)

    def _read(self, raw: RawBlock, lines: Lines, sound: Ints) -> Cells:
        """The cells of the lines that may be looked into."""
        if self._json:
            return self._json(lines.texts(sound))
        if missing := [name for name in self._readers if name not in raw.header]:
            raise DataFailure(
                f"{raw.origin.file}: planned without the columns {', '.join(missing)}, which the contract now has; "
                "plan the file again"
            )
        unsound = np.delete(np.arange(len(lines)), sound)
        return csv_cells(lines.without(unsound), raw.header, tuple(self._readers), self._source)

    def _parse(self, cells: Cells) -> Rows:
        """The cells as values of their columns' types."""
        columns, fails = {}, dict(cells.unreadable)
        for name, read in self._readers.items():
            texts = cells.columns[name]
            columns[name] = read(texts)
            if (misread := failed(texts, columns[name])) is not None:
                fails[name] = misread | fails[name] if name in fails else misread
        return Rows(columns, fails, fails)

    def _accepted(self, raw: RawBlock, starts: Ints, rows: Rows, keeps: Mask) -> pa.RecordBatch:
        """The rows that no reason holds for, each with its origin."""
        file = pa.repeat(raw.origin.file, len(starts))
        offsets = pa.array(starts + raw.origin.start)
        every = pa.RecordBatch.from_arrays([*rows.columns.values(), file, offsets], schema=self.schema)
        return every if keeps.all() else every.filter(pa.array(keeps))
