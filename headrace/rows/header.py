"""The header of a file, held against the contract."""

import csv
import difflib
from collections import Counter
from collections.abc import Iterable, Sequence

from headrace.failures import DataFailure
from headrace.spec.data_set import DataSet, Source

_SHOWN = 12  # names or lines of one message


def read_names(line: bytes, path: str, source: Source) -> tuple[str, ...]:
    """The names of a header line as they stand there; a nameless one is called by its place, `column_3`.

    Raises:
        DataFailure: the line is not UTF-8 or not one line of CSV.
    """
    try:
        text = line.decode().removesuffix("\n").removesuffix("\r")
        rows = csv.reader(
            [text],
            delimiter=source.delimiter,
            quotechar=source.quote or None,
            quoting=csv.QUOTE_MINIMAL if source.quote else csv.QUOTE_NONE,
            strict=True,
        )
        cells = next(rows, [])
    except (UnicodeDecodeError, csv.Error) as why:
        raise DataFailure(
            f"{path}: the first line is no CSV header: {why}; mend the file, or state source.header as a list of "
            "names where it has no header line"
        ) from why
    names = [cell.strip() if source.trim else cell for cell in cells]
    return tuple(name or f"column_{place}" for place, name in enumerate(names, 1))


def columns_of(names: Sequence[str], path: str, data: DataSet) -> tuple[str, ...]:
    """The column of each field, in the file's order: renamed, and "" where `source.ignore` names it.

    Raises:
        DataFailure: a name stands twice, a declared column is absent, or one that
            is neither declared nor ignored is there; all of it in one message.
    """
    source, declared = data.source, data.contract.columns
    columns = tuple("" if name in source.ignore else source.rename.get(name, name) for name in names)
    kept = [column for column in columns if column]
    undeclared = [name for name in dict.fromkeys(kept) if name not in declared]
    if mark := _other_delimiter(names, data):
        raise DataFailure(
            f"{path}: the header looks delimited by {mark!r}, and source.delimiter is {source.delimiter!r}; "
            "mend the one that is wrong"
        )
    wrong = [
        *(f"`{name}` stands there {n} times; a column has one field" for name, n in Counter(kept).items() if n > 1),
        *(_missing(name, undeclared, source) for name in declared if name not in (*kept, *source.folders)),
        *(
            f"`{name}` stands there, and source.folders takes it from the path; list it in source.ignore"
            for name in source.folders
            if name in kept
        ),
    ]
    if undeclared:
        wrong.append(
            f"not declared: {_some(undeclared)}; give each a line in contract.columns, for example "
            "{type: string}, or list it in source.ignore"
        )
    if wrong:
        more = [f"… and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
        lines = "\n  ".join([*wrong[:_SHOWN], *more])
        raise DataFailure(f"{path}: the header does not fit the contract of {data.dataset}:\n  {lines}")
    return columns


def prove_header(header: Sequence[str], columns: Iterable[str], file: str) -> None:
    """The fields of a block are those that its contract needs.

    Raises:
        DataFailure: a column is missing; the plan was made for another contract.
    """
    if missing := [name for name in columns if name not in header]:
        raise DataFailure(
            f"{file}: planned without the columns {', '.join(missing)}, which the contract now has; plan the file again"
        )


def _other_delimiter(names: Sequence[str], data: DataSet) -> str | None:
    """The delimiter that makes columns of the contract out of a header that is one field now."""
    if data.source.format != "csv" or len(names) != 1 or names[0] in data.contract.columns:
        return None
    wanted = {*data.contract.columns, *data.source.rename}
    for mark in (mark for mark in ",;\t|" if mark != data.source.delimiter):
        cells = [cell.strip().strip('"') for cell in names[0].split(mark)]
        if len(cells) > 1 and len(wanted & set(cells)) * 2 >= len(cells):
            return mark
    return None


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _missing(name: str, undeclared: Sequence[str], source: Source) -> str:
    """What to say of a declared column that the file does not have."""
    for old, new in source.rename.items():
        if new == name:
            return f"`{name}` is missing: source.rename makes it of `{old}`, which is not there"
    folded = {other.strip().casefold(): other for other in undeclared}
    alike = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f" (did you mean `{folded[alike[0]]}`?)" if alike else ""
    return f"`{name}` is missing{hint}; mend the file, or map the name it has there in source.rename"
