"""Whether a source's settings fit each other, and the columns of the contract."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath

from headrace.nearest import nearest
from headrace.spec.data_set import Column, DataSet, Source, Sources
from headrace.spec.references import Findings

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}", re.ASCII)  # what Kafka takes
_CSV_ONLY = ("delimiter", "quote", "decimal", "multiline", "header")
_NAMED_ONLY = ("rename", "ignore")
_LINES_ONLY = ("compression", "unpacked")
_FILES_ONLY = ("compression", "unpacked", "folders", "changed")


def check_sources(data: DataSet, findings: Findings) -> None:
    """Find what is wrong with the section `source`, or both of `sources`."""
    if not data.each_source:
        findings.add("source", f"is missing. {DataSet.model_fields['one'].description}")
    if data.one and data.sources:
        findings.add("sources", "stands beside source; choose one")
    if data.one and data.one.topic and data.one.from_ is not None:
        findings.add(
            "source.from", "says what files hold; name them as sources.backfill, and the topic as sources.live"
        )
    for key, source in data.each_source.items():
        _check_source(source, data.contract.columns, _In(key, findings))
    if data.sources:
        _check_hand_over(data.sources, findings)


class _In(Findings):
    """Takes what is found in a section `source` for what is found in a section of another name."""

    def __init__(self, key: str, findings: Findings) -> None:
        super().__init__(findings.located)
        self.faults = findings.faults
        self._key = key

    def add(self, key: str, message: str) -> None:
        super().add(re.sub(r"^source\b", self._key, key), re.sub(r"\bsource\.", f"{self._key}.", message))


def _check_hand_over(sources: Sources, findings: Findings) -> None:
    if sources.backfill.topic:
        findings.add("sources.backfill.topic", "cannot stand here; name files by path, and the topic under live")
    if sources.backfill.changed == "reload":
        findings.add(
            "sources.backfill.changed", "is refuse where a topic follows the files; send corrections to the topic"
        )
    if sources.live.path:
        findings.add("sources.live.path", "cannot stand here; name a topic, and the files under backfill")


def _check_source(source: Source, columns: Mapping[str, Column], findings: Findings) -> None:
    _check_place_of_rows(source, findings)
    _check_folders(source, columns, findings)
    _check_schema(source, findings)
    if source.format == "csv":
        _check_marks(source, findings)
    if source.format != "jsonl":
        _check_names(source, columns, findings)
    for key in (key for key in Source.model_fields if key in source.model_fields_set):
        if meant := _other_formats(key, source.format):
            nested = source.format == "jsonl" and key in ("header", "rename")
            cure = "; name the place in the object by `path` of the column" if nested else ""
            findings.add(f"source.{key}", f"is for {meant}, and the format is {source.format}{cure}")


def _other_formats(key: str, written: str) -> str | None:
    """The formats that a setting is about, where it is not about this one.

    >>> _other_formats("quote", "jsonl"), _other_formats("rename", "jsonl"), _other_formats("path", "csv")
    ('csv', 'csv, parquet and avro', None)
    """
    about = {
        **dict.fromkeys(_CSV_ONLY, ("csv",)),
        **dict.fromkeys(_NAMED_ONLY, ("csv", "parquet", "avro")),
        **dict.fromkeys(_LINES_ONLY, ("csv", "jsonl")),
    }.get(key, (written,))
    return None if written in about else " and ".join(filter(None, (", ".join(about[:-1]), about[-1])))


def _check_place_of_rows(source: Source, findings: Findings) -> None:
    if not {"path", "topic"} & source.model_fields_set:
        findings.add("source", "says not where rows come from; name the files by `path`, or a Kafka topic by `topic`")
    elif {"path", "topic"} <= source.model_fields_set:
        findings.add("source.topic", "stands beside path; rows come from files or from a topic, choose one")
    elif "topic" not in source.model_fields_set:
        if source.from_ is not None:
            findings.add("source.from", "is about the offsets of a topic, and the rows come from files")
        if why := _no_pattern(source.path):
            findings.add("source.path", f"{why}; name the files, for example raw/orders/*.csv")
    else:
        if not _TOPIC.fullmatch(source.topic) or source.topic in (".", ".."):
            findings.add("source.topic", "is no name of a topic; those are up to 249 letters, digits, ., _ and -")
        for key in _FILES_ONLY:
            if key in source.model_fields_set:
                findings.add(f"source.{key}", "is about files, and the rows come from a topic")
        if source.format not in ("jsonl", "avro"):
            findings.add(
                "source.format", f"messages of a topic are jsonl (an object each) or avro, not {source.format}"
            )


def _check_schema(source: Source, findings: Findings) -> None:
    of_messages = source.format == "avro" and "topic" in source.model_fields_set
    if of_messages and source.schema_ is None:
        findings.add(
            "source", "messages in Avro do not say how they are written; name the file of their schema: schema"
        )
    elif not of_messages and source.schema_ is not None:
        findings.add("source.schema", "is for messages in Avro; files say themselves how they are written, delete it")


def _no_pattern(path: str) -> str | None:
    """Why a path names no files; None if it may.

    >>> _no_pattern("raw/"), _no_pattern("raw/x**y"), _no_pattern("raw/**/*.csv")
    ('is a folder', '** stands for any folders, and only alone between slashes', None)
    """
    if not path:
        return "is empty"
    if path.endswith("/") or PurePath(path).name in ("", ".", ".."):
        return "is a folder"
    if any("**" in part and part != "**" for part in PurePath(path).parts):
        return "** stands for any folders, and only alone between slashes"
    return None


def _check_folders(source: Source, columns: Mapping[str, Column], findings: Findings) -> None:
    for name in source.folders:
        if name not in columns:
            findings.add("source.folders", f"{name} is not declared in contract.columns; {nearest(name, columns)}")
        elif columns[name].path is not None:
            findings.add(f"contract.columns.{name}.path", "the column is a folder (source.folders); choose one")
    if len(source.folders) == len(columns):
        findings.add("source.folders", "names every column; a row must have one of its own")


def _check_marks(source: Source, findings: Findings) -> None:
    if source.quote == source.delimiter:
        findings.add("source.quote", "is the delimiter too; the two must differ")
    if source.decimal == source.delimiter:
        cure = "; files with a decimal comma are mostly delimited by a semicolon" if source.decimal == "," else ""
        findings.add("source.decimal", f"is the delimiter too; the two must differ{cure}")
    if source.multiline and not source.quote:
        findings.add("source.multiline", "is about quoted cells, and quote is empty; choose one")


def _check_names(source: Source, columns: Mapping[str, Column], findings: Findings) -> None:
    for old, new in source.rename.items():
        if new not in columns:
            findings.add(f"source.rename.{old}", f"{new} is not declared in contract.columns; {nearest(new, columns)}")
        if new in source.folders:
            findings.add(f"source.rename.{old}", f"{new} is a folder (source.folders); ignore {old}, or rename it else")
        if old in source.ignore:
            findings.add(f"source.rename.{old}", f"{old} is renamed and ignored; choose one")
    for new, count in Counter(source.rename.values()).items():
        if count > 1:
            findings.add("source.rename", f"{count} names become {new}; a column has one")
    renamed = source.rename.values()
    for name in source.ignore:
        if name in columns and name not in (*renamed, *source.folders):
            findings.add("source.ignore", f"{name} is ignored, and declared in contract.columns; choose one")
    if source.header != "present":
        _check_header(source, source.header, columns, findings)


def _check_header(source: Source, header: tuple[str, ...], columns: Mapping[str, Column], findings: Findings) -> None:
    kept = [source.rename.get(name, name) for name in header if name not in source.ignore]
    for name, count in Counter(kept).items():
        if count > 1:
            findings.add("source.header", f"{count} of its names are the column {name}; a column has one")
        if name not in columns:
            undeclared = f"{name} is not declared in contract.columns; {nearest(name, columns)}"
            findings.add("source.header", f"{undeclared} (or list it under source.ignore)")
    for key, names in (("rename", source.rename), ("ignore", source.ignore)):
        for name in names:
            if name not in header:
                findings.add(f"source.{key}", f"{name} is not in source.header; {nearest(name, header)}")
    if absent := [name for name in columns if name not in kept and name not in source.folders]:
        findings.add("source.header", f"the declared columns {', '.join(absent)} are not in it")
