"""The header of a file, held against the contract."""

import csv
import difflib
from collections import Counter
from collections.abc import Sequence

from headrace.failures import DataFailure
from headrace.spec.data_set import DataSet, Source


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


def fit(names: Sequence[str], path: str, data: DataSet) -> tuple[str, ...]:
    """The column of each field, in the file's order: renamed, and "" where `source.ignore` names it.

    Raises:
        DataFailure: a name stands twice, a declared column is absent, or one that
            is neither declared nor ignored is there; all of it in one message.
    """
    source, declared = data.source, data.contract.columns
    columns = tuple("" if name in source.ignore else source.rename.get(name, name) for name in names)
    kept = [column for column in columns if column]
    undeclared = [name for name in dict.fromkeys(kept) if name not in declared]
    wrong = [
        *(f"`{name}` stands there {n} times; a column has one field" for name, n in Counter(kept).items() if n > 1),
        *(_missing(name, undeclared, source) for name in declared if name not in kept),
    ]
    if undeclared:
        wrong.append(
            f"not declared: {', '.join(undeclared)}; give each a line in contract.columns, for example "
            "{type: string}, or list it in source.ignore"
        )
    if wrong:
        raise DataFailure(f"{path}: the header does not fit the contract of {data.dataset}:\n  " + "\n  ".join(wrong))
    return columns


def _missing(name: str, undeclared: Sequence[str], source: Source) -> str:
    """What to say of a declared column that the file does not have."""
    for old, new in source.rename.items():
        if new == name:
            return f"`{name}` is missing: source.rename makes it of `{old}`, which is not there"
    folded = {other.strip().casefold(): other for other in undeclared}
    alike = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f" (did you mean `{folded[alike[0]]}`?)" if alike else ""
    return f"`{name}` is missing{hint}; mend the file, or map the name it has there in source.rename"
