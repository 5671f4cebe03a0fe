"""JSON lines to text cells: the same cells a CSV of the same values would give."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from headrace.rows.cells import Cells, Mask
from headrace.rows.folders import columns_in_rows
from headrace.rows.lines import Lines
from headrace.rows.null_cells import as_nulls
from headrace.spec.data_set import DataSet

DEEPEST = 64  # the parser's own limit depends on how deep its caller stands, so ours comes first
_TOGETHER = 128  # lines that are decoded by one call: of many more, one that is no JSON holds back too many
_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)

_ARROW = {int: pa.int64(), bool: pa.bool_()}

Value = Any
"""What JSON can hold, numbers with a fraction or exponent as their own text: None, bool, int, str, list, dict."""


class JsonReader:
    """Reads lines that hold one JSON object each.

    A number keeps its own digits, `true` and `false` are text, `null` and an
    absent key are null. Of a key that stands twice the last value counts; keys
    that no column names are read past and not kept. An object or array where a
    scalar belongs makes that cell unreadable; a line that is no object, or nests
    deeper than 64, is rejected.
    """

    def __init__(self, data: DataSet) -> None:
        self._source = data.source
        given = {column: name for name, column in data.source.rename.items()}
        self._paths = {
            name: column.path.split(".") if column.path else [given.get(name, name)]
            for name, column in columns_in_rows(data).items()
        }
        self._keys = list(dict.fromkeys(path[0] for path in self._paths.values()))
        self._values: Callable[[Any], Sequence[Value]]  # of a decoded line, in the order of the keys
        row: Any
        try:
            fields = {f"k{n}": key for n, key in enumerate(self._keys)}
            row = msgspec.defstruct("Row", [(field, Any, None) for field in fields], rename=fields, gc=False)
            self._values = msgspec.structs.astuple
        except ValueError:  # a key with a quote or backslash: slower, but read all the same
            row = dict
            self._values = lambda line: [line.get(key) for key in self._keys]
        self._decoder = msgspec.json.Decoder(row, float_hook=str)

    def __call__(self, lines: Lines) -> Cells:
        """The declared columns of the lines."""
        held, rejected = self._held(lines)
        columns, unreadable = {}, {}
        for name, (key, *inner) in self._paths.items():
            texts, no_scalar = as_texts([_inside(value, inner) for value in held[key]] if inner else held[key])
            columns[name] = as_nulls(texts, self._source)
            if no_scalar is not None:
                unreadable[name] = no_scalar
        return Cells(columns, unreadable, np.array(rejected, np.int64))

    def _held(self, lines: Lines) -> tuple[dict[str, list[Value]], list[int]]:
        """What each key holds in every line that is one object, and the numbers of the other lines."""
        held: dict[str, list[Value]] = {key: [] for key in self._keys}
        rejected: list[int] = []
        for first in range(0, len(lines), _TOGETHER):
            some = lines.between(first, min(first + _TOGETHER, len(lines)))
            # Few at a time: the objects are freed while they are at hand, before Python looks for garbage among them.
            rows = map(self._values, self._rows(some, first, rejected))
            for key, values in zip(self._keys, zip(*rows, strict=True), strict=False):  # without rows, none of none
                held[key] += values
        return held, rejected

    def _rows(self, lines: Lines, first: int, rejected: list[int]) -> list[Any]:
        """The lines decoded; `rejected` gets the numbers of those that are not one object."""
        if surely_objects(lines):
            with suppress(msgspec.MsgspecError):
                rows = self._decoder.decode_lines(lines.data)
                if len(rows) == len(lines):
                    return rows
        rows = []
        for number, line in enumerate(lines.texts(np.arange(len(lines))), first):
            try:
                rows.append(self._read(line))
            except (msgspec.MsgspecError, ValueError):
                rejected.append(number)
        return rows

    def _read(self, line: bytes) -> Any:
        if line.count(b"[") + line.count(b"{") > DEEPEST and nests_deeper(line, DEEPEST):
            raise ValueError("nested too deeply")
        return self._decoder.decode(line)


def surely_objects(lines: Lines) -> bool:
    r"""Whether the lines, if they hold as many values as there are lines, hold one object each.

    Each begins and ends as an object does, and JSON has no place between a closing and an
    opening brace for a line end: no value reaches into the next line, so no line is left
    without one. None has brackets enough to nest too deeply.

    >>> [surely_objects(Lines.of(data)) for data in (b'{"a": 1}\n{"a": 2}', b'{"a": [1,\n2]}', b'{"a": 1}, 2')]
    [True, False, False]
    """
    data = np.frombuffer(lines.data, np.uint8)
    begins, ends = data[lines.bounds[:-1]], data[lines.ends - 1]
    if not ((begins == ord("{")) & (ends == ord("}"))).all():
        return False
    opening = (data | 0x20) == ord("{")  # 0x20 is what sets it apart from a square one
    if np.count_nonzero(opening) < len(lines) + DEEPEST:  # each has one at least
        return True
    return bool((np.diff(np.searchsorted(np.flatnonzero(opening), lines.bounds)) <= DEEPEST).all())


def nests_deeper(line: bytes, limit: int) -> bool:
    """Whether objects and arrays nest deeper than a limit, looked at no further than that; strings do not count.

    >>> nests_deeper(b'{"a": [[1], "[[["]}', 3), nests_deeper(b'{"a": [[1], "[[["]}', 2)
    (False, True)
    """
    level = 0
    for token in _STRUCTURE.finditer(line):
        if token[0] in b"[{":
            level += 1
            if level > limit:
                return True
        elif token[0] in b"]}":
            level -= 1
    return False


def _inside(value: Value, path: Sequence[str]) -> Value:
    """The value at a path within a value; null where a key is absent, a list where no object is on the way.

    >>> _inside({"b": {"c": 1}}, ["b", "c"]), _inside({}, ["b"]), _inside(5, ["b"])
    (1, None, [])
    """
    for key in path:
        if value is None:
            return None
        if not isinstance(value, dict):
            return []
        value = value.get(key)
    return value


def as_texts(values: Sequence[Value]) -> tuple[pa.StringArray, Mask | None]:
    """The text of each value as CSV would write it, and which values are no scalars (None where all are).

    >>> texts, no_scalar = as_texts([12345678901234567890, "1.50", True, None, [1]])
    >>> texts.to_pylist(), no_scalar.tolist()
    (['12345678901234567890', '1.50', 'true', None, None], [False, False, False, False, True])
    """
    first = next((value for value in values if value is not None), None)
    # Columns of one kind, which is the rule, are converted at once; Arrow refuses anything else among them.
    with suppress(ValueError, TypeError, OverflowError):
        if type(first) in _ARROW:
            return pa.array(values, _ARROW[type(first)]).cast(pa.string()), None
        return pa.array(values, pa.string()), None
    no_scalar = np.array([isinstance(value, list | dict) for value in values], np.bool_)
    return pa.array(list(map(_as_text, values)), pa.string()), no_scalar if no_scalar.any() else None


def _as_text(value: Value) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | str) else None
