"""The columns of a file whose cells have types, held against the contract."""

from collections.abc import Sequence

import pyarrow as pa

from headrace.failures import DataFailure
from headrace.rows.header import columns_of
from headrace.rows.typed_cells import misfit
from headrace.spec.data_set import DataSet


def typed_columns(fields: Sequence[tuple[str, pa.DataType]], path: str, data: DataSet) -> tuple[str, ...]:
    """The column of each field, in the file's order: renamed, and "" where `source.ignore` names it.

    Raises:
        DataFailure: the names do not fit the contract, or cells of a type could not be read into their column.
    """
    header = columns_of([name for name, _ in fields], path, data)
    wrong = [
        f"`{name}` {why}"
        for (name, arrow), column in zip(fields, header, strict=True)
        if column and (why := misfit(data.contract.columns[column], arrow))
    ]
    if wrong:
        raise DataFailure(f"{path}: does not fit the contract of {data.dataset}:\n  " + "\n  ".join(wrong))
    return header
