"""Lines to rows with values."""

import numpy as np

from headrace.rows.block import RawBlock
from headrace.rows.cell_reader import cell_reader
from headrace.rows.cells import Cells
from headrace.rows.csv_cells import csv_cells
from headrace.rows.folders import columns_in_rows, folder_cells, repeated
from headrace.rows.header import prove_header
from headrace.rows.json_cells import JsonReader
from headrace.rows.line_faults import line_faults
from headrace.rows.lines import Ints, Lines
from headrace.rows.null_cells import as_nulls
from headrace.rows.parse_cells import failed
from headrace.rows.parsed import Parsed, RawRow
from headrace.rows.reasons import Reasons
from headrace.rows.row_steps import Rows
from headrace.rows.rows_of_lines import row_starts, rows_of_lines
from headrace.spec.data_set import DataSet


class LineParser:
    """Parses blocks of CSV or JSON lines; of Parquet and Avro, the JSON lines that their rows are in quarantine."""

    def __init__(self, data: DataSet) -> None:
        self._source = data.source
        mark = data.source.decimal if data.source.format == "csv" else "."
        self._readers = {name: cell_reader(column, mark) for name, column in data.contract.columns.items()}
        self._of_lines = tuple(columns_in_rows(data))
        self._json = JsonReader(data) if data.source.format != "csv" else None

    def __call__(self, raw: RawBlock) -> Parsed:
        """The rows of a block.

        Raises:
            DataFailure: the block's header lacks a column of the contract.
        """
        lines = self._lines(raw)
        places = lines.bounds[:-1] + raw.origin.start
        reasons = Reasons(line_faults(lines, self._source))
        sound = np.delete(np.arange(len(lines)), reasons.lines)
        if raw.tail:
            reasons.add("line.too_long", np.array([len(lines)]))
            places = np.append(places, raw.tail.offset)

        cells = self._cells(raw, lines, sound)
        reasons.add("line.json" if self._json else "line.fields", sound[cells.rejected])
        sound = np.delete(sound, cells.rejected)
        from_path = {
            name: repeated(cell, sound.size) for name, cell in folder_cells(raw.origin.file, self._source).items()
        }
        cells.columns.update({name: as_nulls(texts, self._source) for name, texts in from_path.items()})
        return Parsed(places, reasons, sound, self._parse(cells), lambda at: self._raw(raw, lines, at))

    def _lines(self, raw: RawBlock) -> Lines:
        """The lines of each row as one, where a row may have several."""
        if raw.bounds is not None:
            return Lines(raw.data, raw.bounds, raw.bounds[1:] - 1)
        lines, source = Lines.of(raw.data), self._source
        if not source.multiline or source.quote.encode() not in raw.data:
            return lines
        starts = row_starts(lines, source.quote, source.delimiter, source.line.max_bytes)
        return rows_of_lines(lines, starts.first)

    def _cells(self, raw: RawBlock, lines: Lines, sound: Ints) -> Cells:
        """The cells of the lines that may be looked into."""
        if self._json:
            return self._json(lines.only(sound))
        prove_header(raw.header, self._of_lines, raw.origin.file)
        unsound = np.delete(np.arange(len(lines)), sound)
        return csv_cells(lines.without(unsound), raw.header, self._of_lines, self._source)

    def _parse(self, cells: Cells) -> Rows:
        """The cells as values of their columns' types."""
        columns, fails = {}, dict(cells.unreadable)
        for name, read in self._readers.items():
            texts = cells.columns[name]
            columns[name] = read(texts)
            if (misread := failed(texts, columns[name])) is not None:
                fails[name] = misread | fails[name] if name in fails else misread
        return Rows(columns, fails, fails)

    def _raw(self, raw: RawBlock, lines: Lines, at: Ints) -> list[RawRow]:
        longest = self._source.line.max_bytes
        found = [RawRow.of(text, longest) for text in lines.texts(at[at < len(lines)])]
        if raw.tail and at.size > len(found):  # the one line more is the block's tail
            found.append(RawRow(raw.tail.head, raw.tail.length, raw.tail.digest))
        return found
