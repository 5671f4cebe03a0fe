"""CSV lines to text cells."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from pyarrow import csv

from headrace.rows.cells import Cells
from headrace.rows.null_cells import as_nulls
from headrace.spec.data_set import Source

_BOM = b"\xef\xbb\xbf"


def csv_cells(data: bytes, header: Sequence[str], names: Sequence[str], source: Source) -> Cells:
    r"""The named columns of whole lines; a line with another number of fields than the header is rejected.

    The lines have passed `line_faults`: what remains cannot make the parser
    fail, join lines, or read one line differently because of another.

    >>> source = Source(format="csv", path="", quote="'", nulls=("", "NA"))
    >>> read = csv_cells(b"1,NA\n2\n'3',''''\n", ("a", "b"), ("b",), source)
    >>> read.columns["b"].to_pylist(), read.rejected.tolist()
    ([None, "'"], [1])
    """
    rejected: list[int] = []

    def reject(row: csv.InvalidRow) -> str:
        rejected.append(row.number - 1)
        return "skip"

    if not data:
        return Cells({name: pa.array([], pa.string()) for name in names}, {}, np.empty(0, np.int64))
    if data.startswith(_BOM):  # the parser drops one at its start; in the middle of a file it is data
        data = _BOM + data
    fields = {name: str(header.index(name)) for name in names}
    table = csv.read_csv(
        pa.BufferReader(data),
        read_options=csv.ReadOptions(
            use_threads=False,
            block_size=len(data) + 1,
            column_names=[str(place) for place in range(len(header))],
        ),
        parse_options=csv.ParseOptions(
            delimiter=source.delimiter,
            quote_char=source.quote or False,
            newlines_in_values=source.multiline,
            ignore_empty_lines=False,
            invalid_row_handler=reject,
        ),
        convert_options=csv.ConvertOptions(
            check_utf8=False,
            include_columns=list(fields.values()),
            column_types=dict.fromkeys(fields.values(), pa.string()),
            null_values=list(source.nulls),
            # With `trim`, a null is recognised only after trimming.
            strings_can_be_null=not source.trim,
            quoted_strings_can_be_null=not source.trim,
        ),
    )
    columns = {name: _one_array(table.column(field)) for name, field in fields.items()}
    if source.trim:
        columns = {name: as_nulls(column, source) for name, column in columns.items()}
    return Cells(columns, {}, np.array(rejected, np.int64))


def _one_array(column: pa.ChunkedArray) -> pa.StringArray:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
