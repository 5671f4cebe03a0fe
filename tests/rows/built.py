"""Data sets and blocks for the tests of `headrace.rows`, and their outcomes put together."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from headrace.failures import DataFailure
from headrace.rows.block import Checked, Origin, RawBlock
from headrace.rows.check import Checker
from headrace.rows.cut import TARGET, cut
from headrace.rows.read_blocks import read_blocks
from headrace.spec.data_set import DataSet

FILE = "raw/x.csv"


def data_set(columns: dict[str, Any], *, source: dict[str, Any] | None = None, **sections: Any) -> DataSet:
    """A data set of these columns; a text stands for `{type: text}`."""
    declared = {name: column if isinstance(column, dict) else {"type": column} for name, column in columns.items()}
    contract = {"columns": declared, "rules": sections.pop("rules", {})}
    source = {"format": "csv", "path": "raw/*", **(source or {})}
    return DataSet.model_validate({"dataset": "test", "source": source, "contract": contract, **sections})


def block(data: bytes, header: Sequence[str] = (), start: int = 0) -> RawBlock:
    """A block of whole lines at an offset of the file."""
    return RawBlock(Origin(FILE, start, start + len(data)), data, None, tuple(header))


def check(data: DataSet, lines: str | bytes) -> Checked:
    """What becomes of lines whose fields are the declared columns in their order."""
    raw = lines.encode() if isinstance(lines, str) else lines
    header = () if data.source.format == "jsonl" else tuple(data.contract.columns)
    return Checker(data).split(block(raw, header))


def rows(checked: Checked, *names: str) -> list[Any]:
    """The accepted rows as tuples of the named columns, or as bare values of one."""
    columns = [checked.accepted.column(name).to_pylist() for name in names]
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


def reasons(checked: Checked) -> list[list[str]]:
    """The reasons of each quarantined row."""
    return checked.quarantined.column("reasons").to_pylist()


class Outcome(NamedTuple):
    """What became of a whole file, in plain values that compare."""

    accepted: list[dict[str, Any]]
    quarantined: list[dict[str, Any]]
    read: int
    reasons: Counter[str]


def outcome(parts: Sequence[Checked]) -> Outcome:
    """The blocks of a file as one; every block's own account must close."""
    for part in parts:
        assert part.accepted.num_rows == part.counts.accepted
        assert part.quarantined.num_rows == part.counts.quarantined
        assert part.counts.read == part.counts.accepted + part.counts.quarantined
        part.accepted.validate(full=True)
    return Outcome(
        [row for part in parts for row in _rows(part.accepted)],
        [row for part in parts for row in _rows(part.quarantined)],
        sum(part.counts.read for part in parts),
        sum((Counter(part.counts.reasons) for part in parts), Counter()),
    )


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    # As text, since zero equals minus zero and would hide a difference of bits.
    return [{name: repr(value) for name, value in row.items()} for row in batch.to_pylist()]


def refusal(path, data, target=TARGET):
    """What is told of a file that cannot be read whole, where it is cut or where it is read; else nothing."""
    try:
        plan = cut(path, data, target)
        told = [each.why for each in plan.refused]
        for span in plan.ranges:
            blocks = list(read_blocks(path, path, *span, data.source, header=plan.header, target=target))
            told += [block.refused.why for block in blocks if block.refused]
    except DataFailure as failure:
        return str(failure)
    return "\n".join(told)
