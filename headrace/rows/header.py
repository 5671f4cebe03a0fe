"""The header of a file, held against the contract."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence

from headrace.failures import DataFailure
from headrace.spec.data_set import DataSet, Source
from headrace.spec.faults import nearest


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
    wrong = [
        *(f"`{name}` stands there {n} times" for name, n in Counter(kept).items() if n > 1),
        *(_missing(name, kept, data) for name in declared if name not in kept),
        *(
            f"`{name}` is not declared ({nearest(name, declared)}): give it a line in contract.columns, "
            "for example {type: string}, or name it in source.ignore"
            for name in _in_order(kept)
            if name not in declared
        ),
    ]
    if wrong:
        raise DataFailure(f"{path}: the header does not fit the contract of {data.dataset}:\n  " + "\n  ".join(wrong))
    return columns


def _missing(name: str, kept: Sequence[str], data: DataSet) -> str:
    """What to say of a declared column that the file does not have."""
    renamed = [old for old, new in data.source.rename.items() if new == name]
    if renamed:
        return f"`{name}` is missing: source.rename takes it from `{renamed[0]}`, which is not there"
    undeclared = [column for column in kept if column not in data.contract.columns]
    ask = nearest(name, undeclared)
    hint = f" ({ask})" if ask.startswith("did you mean") else ""
    return f"`{name}` is missing{hint}: mend the file, or map another name to it in source.rename"


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Each name once, in the order of first appearance.

    >>> _in_order(["b", "a", "b"])
    ('b', 'a')
    """
    return tuple(dict.fromkeys(names))
