"""What a reason means, for people."""

from collections.abc import Sequence

from headrace.rows import damaged
from headrace.rows.json_cells import DEEPEST
from headrace.spec.data_set import Column, DataSet

_SHOWN = 20  # allowed values
_LINE = {
    "nul": "a NUL stands in the line",
    "cr": "a carriage return stands inside the line",
    "utf8": "the line is not UTF-8",
    "too_long": "the line is longer than {limit} bytes; raise source.line.max_bytes to let it pass",
    "blank": "the line is empty",
    "quote": "quotes do not enclose whole cells, or one stays open; a quote inside a cell is doubled, and only with "
    "source.multiline can a cell span lines",
    "fields": "the line has more or fewer cells than the header",
    "null": "the message has no value: it is a tombstone",
    "avro": "the message is no whole record of its Avro schema, or has more bytes than the record",
    "schema": "the message does not begin with the mark of a schema that source.schema names; add that schema's file",
    "json": f"the line is not one JSON object, or nests deeper than {DEEPEST}",
}
_AGAIN = (
    "deliver the whole file again under its name, with source.changed: reload, or only the rows that lack as a new file"
)
_DAMAGED = {
    damaged.FILE: "the file is not whole, so none of its rows are here; deliver it again, also under the same name",
    damaged.ROW_GROUP: f"a row group of the file cannot be read, so none of its rows are here; {_AGAIN}",
    damaged.BLOCK: "a block of the file cannot be read, so none of its rows are here, and where it is not whole, none "
    f"of those behind it; {_AGAIN}",
}
_NULL = {
    "required": "and required",
    "key": "and part of the key",
    "time": "and the time of the row",
}
_LIMIT = {
    "min": "is less than {column.min}",
    "max": "is more than {column.max}",
    "in": "is none of {allowed}",
    "pattern": "does not match {column.regex}",
}


def explain(reason: str, data: DataSet) -> str:
    """What a quarantined row did, in words, and where that has one, the cure; for any reason of this data set.

    >>> column = {"type": "timestamp"}
    >>> source = {"format": "csv", "path": "x"}
    >>> data = DataSet.model_validate({"dataset": "d", "source": source, "contract": {"columns": {"at": column}}})
    >>> explain("line.utf8", data)
    'the line is not UTF-8'
    >>> explain("at.type", data)
    'at is no ISO 8601 time with an offset, such as 2013-01-01T10:00:00Z; if its times have none, state its `zone`'
    """
    subject, _, what = reason.rpartition(".")
    if subject in ("line", "message") and what in _LINE:
        limits = sorted({source.line.max_bytes for source in data.each_source.values()})
        return _LINE[what].format(limit=" or ".join(map(str, limits)))
    if subject == "rule" and what in data.contract.rules:
        return f"the rule {what} is false: {data.contract.rules[what]}"
    column = data.contract.columns.get(subject)
    if what in _NULL:
        return f"{subject} is null, {_NULL[what]}"
    if column is None or reason in _DAMAGED:
        return _DAMAGED.get(reason, reason)
    if what in _LIMIT:
        return f"{subject} {_LIMIT[what].format(column=column, allowed=_some(column.in_ or ()))}"
    return f"{subject} is {_no_value(column)}"


def _some(values: Sequence[str]) -> str:
    return ", ".join(values[:_SHOWN]) + (f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else "")


def _no_value(column: Column) -> str:
    """What a cell of the wrong type is not."""
    if column.epoch:
        return f"no number of {column.epoch} since 1970, or beyond the year 9999"
    if column.format:
        return f"no {column.type} written as {column.format}" + (
            f" that clocks in {column.zone} show once" if column.zone else ""
        )
    if column.type.kind == "timestamp" and column.zone:
        return f"no ISO 8601 time that clocks in {column.zone} show once"
    return {
        "int": "no whole number of 64 bits, written in digits alone",
        "double": "no finite number",
        "decimal": f"no number that {column.type} holds exactly",
        "bool": "none of true, false, 1, 0",
        "string": "no text but an object or array",
        "date": "no day written as 2013-01-31",
        "timestamp": "no ISO 8601 time with an offset, such as 2013-01-01T10:00:00Z; "
        "if its times have none, state its `zone`",
    }[column.type.kind]
