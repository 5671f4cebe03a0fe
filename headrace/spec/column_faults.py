"""Whether a column's settings and limits fit its type."""

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from headrace.nearest import nearest
from headrace.rules.time_format import time_reader
from headrace.rules.vectors import text_array
from headrace.rules.zone import zone, zone_names
from headrace.spec.data_set import Column
from headrace.spec.limits import parse_limit
from headrace.spec.references import Findings, reserved, with_article

_ORDERED = ("int", "double", "decimal", "date", "timestamp")


def check_column(name: str, column: Column, formats: Collection[str], findings: Findings) -> None:
    """Find what is wrong with one entry of `contract.columns`; `formats` are those of the sources."""
    key = f"contract.columns.{name}"
    if why := reserved(name):
        findings.add(key, why)
    _check_limits(key, column, findings)
    _check_form(key, column, formats, findings)
    if column.zone is not None and column.zone not in zone_names():
        findings.add(f"{key}.zone", f"there is no time zone {column.zone}; {nearest(column.zone, zone_names())}")
    elif column.format is not None and column.epoch is None and column.type.kind in ("date", "timestamp"):
        _check_format(key, column, column.format, findings)


def _check_limits(key: str, column: Column, findings: Findings) -> None:
    kind = column.type.kind
    bounds = []
    for limit in ("min", "max"):
        text: str | None = getattr(column, limit)
        if text is None:
            continue
        if kind not in _ORDERED:
            findings.add(f"{key}.{limit}", f"is for numbers and times; the column is {with_article(column.type)}")
        else:
            bounds.append(findings.parsed(f"{key}.{limit}", text, lambda t: parse_limit(t, column.type)))
    if len(bounds) == 2 and None not in bounds and bounds[0] > bounds[1]:  # type: ignore[operator]  # of one type
        findings.add(f"{key}.min", f"{column.min} is more than max, {column.max}: no value could pass")
    for text in column.in_ or ():
        findings.parsed(f"{key}.in", text, lambda t: parse_limit(t, column.type))
    if column.regex is None:
        return
    if kind != "string":
        findings.add(f"{key}.regex", f"is for strings; the column is {with_article(column.type)}")
    else:
        findings.parsed(f"{key}.regex", column.regex, _compiled)


def _check_form(key: str, column: Column, formats: Collection[str], findings: Findings) -> None:
    kind = column.type.kind
    if column.format is not None and kind not in ("date", "timestamp"):
        findings.add(f"{key}.format", f"is for date and timestamp; the column is {with_article(column.type)}")
    for setting in ("zone", "epoch"):
        if getattr(column, setting) is not None and kind != "timestamp":
            findings.add(f"{key}.{setting}", f"is for timestamp; the column is {with_article(column.type)}")
    for other in ("format", "zone"):
        if column.epoch is not None and getattr(column, other) is not None:
            findings.add(f"{key}.{other}", "a number since 1970 (epoch) has none; choose one")
    if column.path is not None and formats and "jsonl" not in formats:
        written = " and ".join(sorted(formats))
        findings.add(f"{key}.path", f"is for jsonl, and the format is {written}; source.rename maps names")
    elif column.path is not None and not all(column.path.split(".")):
        findings.add(f"{key}.path", "has an empty part; write the keys with single dots between them: a.b.c")


def _check_format(key: str, column: Column, form: str, findings: Findings) -> None:
    clock = zone(column.zone or "UTC") if column.zone or column.type.kind == "date" else None
    findings.parsed(f"{key}.format", form, lambda text: time_reader(text, clock))


def _compiled(pattern: str) -> pa.Array:
    """Have RE2 compile a pattern.

    Raises:
        ValueError: it cannot.
    """
    try:
        return pc.match_substring_regex(text_array(""), pattern=pattern)
    except pa.ArrowInvalid as error:
        why = str(error).removeprefix("Invalid regular expression: ")
        raise ValueError(f"is no RE2 pattern: {why}") from None
