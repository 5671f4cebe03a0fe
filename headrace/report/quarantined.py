"""A few quarantined rows to look at: of the commonest kinds, their bytes made safe to show."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.lake.reading import opened, read_columns
from headrace.lake.snapshot import DataFile, RowGroup, row_groups

MOST_CHARACTERS = 320
_MOST_ROW_GROUPS = 64  # looked through; some eight million rows
_BATCH = 32  # rows of raw bytes held at a time; one may be a megabyte
_BETWEEN = "\x1f"  # joins reasons; it stands in no rule's name


@dataclass(frozen=True)
class Quarantined:
    """One quarantined row."""

    file: str
    offset: int  # byte in the file
    reasons: tuple[str, ...]
    text: str  # the line, made printable and cut
    length: int  # bytes of the line as it came


class _Found(NamedTuple):
    file: str
    offset: int
    kind: str  # its reasons, joined
    group: RowGroup
    row: int  # within the group


def examples(files: Iterable[DataFile], most: int = 5) -> tuple[Quarantined, ...]:
    """Up to `most` rows, by file and offset: the first of each of the commonest sets of reasons, then any.

    The choice depends on the rows alone, not on how they are laid out.
    """
    counts: Counter[str] = Counter()
    first: dict[str, _Found] = {}
    early: list[_Found] = []
    for group in row_groups(files)[:_MOST_ROW_GROUPS]:
        found = _look_through(group, most, counts)
        for row in found:
            first[row.kind] = min(row, first.get(row.kind, row))
        early = sorted({*early, *found})[:most]
    common = [first[kind] for kind, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:most]]
    chosen = list(dict.fromkeys([*common, *early]))[:most]
    return tuple(_read(row) for row in sorted(chosen))


def _look_through(group: RowGroup, most: int, counts: Counter[str]) -> list[_Found]:
    """The first rows of a row group and the first of each kind; kinds are added to the counts."""
    rows = pa.Table.from_batches([read_columns(group, ["_file", "_offset", "reasons"])])
    order = pc.sort_indices(rows.select(["_file", "_offset"]), [("_file", "ascending"), ("_offset", "ascending")])
    reasons = rows.column("reasons").combine_chunks().take(order)
    kinds = pc.fill_null(pc.binary_join(reasons, _BETWEEN), "").dictionary_encode()
    codes = kinds.indices.to_numpy()
    names = kinds.dictionary.to_pylist()
    counts.update(dict(zip(names, np.bincount(codes, minlength=len(names)).tolist(), strict=True)))
    wanted = sorted({*np.unique(codes, return_index=True)[1].tolist(), *range(min(most, len(codes)))})
    places = order.take(pa.array(wanted, pa.int64()))
    origin = rows.select(["_file", "_offset"]).take(places).to_pylist()
    return [
        _Found(o["_file"], o["_offset"], names[codes[at]], group, row)
        for o, at, row in zip(origin, wanted, places.to_pylist(), strict=True)
    ]


def _read(found: _Found) -> Quarantined:
    raw, length = _bytes_of(found)
    return Quarantined(
        found.file,
        found.offset,
        tuple(found.kind.split(_BETWEEN)) if found.kind else (),
        printable(raw or b""),
        length if length is not None else len(raw or b""),
    )


def _bytes_of(found: _Found) -> tuple[bytes | None, int | None]:
    # Batch by batch up to the row: a row group of raw lines may be larger than memory.
    skipped = 0
    with opened(found.group.path) as file:
        for batch in file.iter_batches(_BATCH, row_groups=[found.group.number], columns=["raw", "length"]):
            if found.row < skipped + batch.num_rows:
                row: dict[str, Any] = batch.slice(found.row - skipped, 1).to_pylist()[0]
                return row["raw"], row["length"]
            skipped += batch.num_rows
    raise IndexError(f"{found.group.path}: no row {found.row} in row group {found.group.number}")


def printable(raw: bytes, most: int = MOST_CHARACTERS) -> str:
    r"""The bytes as one line of text that shows what cannot be printed, cut where it is long.

    >>> printable(b"AA,1\xff,\x00,\xe2\x80\xaeabc\r"), printable(b"abcdef", 3)
    ('AA,1\\xff,\\x00,\\u202eabc\\r', 'abc…')
    """
    text = raw[: 4 * most + 4].decode("utf-8", "backslashreplace")
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: most + 1])
    return shown[:most] + ("…" if len(shown) > most or len(raw) > 4 * most + 4 else "")
