"""A project file as YAML 1.2: mappings, lists and text, and the line each key stands on.

Nothing is guessed: `on`, `NO` and `12:30` are text, and what a text means is decided
by the field it is read into. What YAML offers beyond that (anchors, tags, several
documents) is refused, because a project file needs none of it and each has been a trap.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)
from ruamel.yaml.reader import ReaderError

from headrace.spec.faults import Fault, SpecError
from headrace.spec.values import shown

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_FAULTS = 100  # of one file; more help nobody

type Value = str | list["Value"] | dict[str, "Value"] | None
"""What a file is made of; None is a key or list item with nothing behind it."""


@dataclass(frozen=True)
class Document:
    """One file as it was read. `lines` has every dotted key (`key.0` for list items), "" for the whole."""

    file: str
    text: str
    values: dict[str, Value]
    lines: Mapping[str, int]
    faults: tuple[Fault, ...]  # of what could be read past


def line_of(lines: Mapping[str, int], key: str) -> int:
    """The line of a key, or of the nearest key above it that stands in the file.

    >>> line_of({"": 1, "source": 3}, "source.path")
    3
    """
    while key not in lines and key:
        key = key.rpartition(".")[0]
    return lines.get(key, 0)


def read_document(source: bytes | str, file: str) -> Document:
    """Read one file.

    Raises:
        SpecError: it is no YAML mapping at all, or too large or too deep. Faults that
            leave the rest readable are in `Document.faults` instead. Nothing else is
            raised, whatever the bytes are.
    """
    text = _decoded(source, file)
    composer = _Composer(file)
    try:
        values = composer.document(YAML(typ="safe", pure=True).parse(text))
    except SpecError:
        raise
    except MarkedYAMLError as error:
        raise SpecError([*composer.faults, _no_yaml(error, file, flow=composer.flow > 0)]) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        found = f"character U+{error.character:04X} is not allowed in YAML; delete it"
        raise SpecError([*composer.faults, Fault(file, line, "", found)]) from None
    except Exception:  # noqa: BLE001  # a parser of others over untrusted text; an overflow in chr() is one of its ways
        raise SpecError([*composer.faults, Fault(file, composer.line, "", f"not valid YAML; {_QUOTE}")]) from None
    return Document(file, text, values, composer.lines, tuple(composer.faults))


def _decoded(source: bytes | str, file: str) -> str:
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if len(data) > MAX_BYTES:
        raise SpecError([Fault(file, 0, "", f"a project file may have at most {MAX_BYTES:,} bytes")])
    try:
        return data.decode().removeprefix("\ufeff")  # some editors begin a file with this mark
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02x} is no UTF-8; save the file as UTF-8"
        raise SpecError([Fault(file, line, "", found)]) from None


_QUOTE = "put a value with special characters in quotes, or in block style (`key: |`, the text on the next line)"
_CAUSES = {
    "mapping values are not allowed here": "a second `: ` stands in one line",
    "found character '\\t' that cannot start any token": "a tab; only spaces indent",
    "expected ',' or '}', but got '<scalar>'": "a comma or } was expected before a quoted text",
    "expected ',' or ']', but got '<scalar>'": "a comma or ] was expected before a quoted text",
    "expected <block end>, but found '<scalar>'": "the line goes on behind a closing quote or bracket",
}


def _no_yaml(error: MarkedYAMLError, file: str, *, flow: bool) -> Fault:
    mark, cause = error.problem_mark or error.context_mark, str(error.problem or error.context)
    if error.context_mark and ("end of stream" in cause or "<stream end>" in cause):
        mark, cause = error.context_mark, "what begins here is not closed before the end of the file"
    cause = _CAUSES.get(cause, cause)
    if error.context_mark and str(error.context).startswith("while parsing a flow"):
        cause += f" (the bracket opens in line {error.context_mark.line + 1})"
    cure = "quote an expression or pattern that contains commas, quotes or brackets" if flow else _QUOTE
    return Fault(file, mark.line + 1 if mark else 0, "", f"not valid YAML: {cause}; {cure}")


class _Entry(NamedTuple):
    """A list item, or a key with its value."""

    key: str | None
    value: Value
    line: int
    bare: bool  # the value is text without quotes

    @property
    def piece(self) -> Value:
        """What this is if it is the rest of a text that was cut at a comma."""
        return self.value if self.key is None else self.key if self.value is None else None


class _Composer:
    """Makes values from the parser's events, and keeps every fault on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[str, int] = {}
        self.faults: list[Fault] = []
        self.line = 0  # of the event at hand
        self.flow = 0  # how many { and [ are open
        self._events: Iterator[Any] = iter(())

    def document(self, events: Iterator[Any]) -> dict[str, Value]:
        self._events = events
        self._next()  # the stream's start
        start = self._next()
        if not isinstance(start, DocumentStartEvent):
            self._stop("the file is empty")
        if start.tags or start.version not in (None, (1, 2)):
            self._stop("%YAML and %TAG lines are not allowed; delete them")
        top = self._next()
        if not isinstance(top, MappingStartEvent):
            self._stop("expected `key: value` lines")
        self.lines[""] = self.line
        values = self._value(top, "", 1)
        self._next()  # the document's end
        if not isinstance(self._next(), StreamEndEvent):
            self._stop("a second document begins here (---); one file holds one")
        assert isinstance(values, dict)
        return values

    def _next(self) -> Any:
        event = next(self._events)
        if event.start_mark:
            self.line = event.start_mark.line + 1
        return event

    def _stop(self, message: str) -> NoReturn:
        raise SpecError([*self.faults, Fault(self.file, self.line, "", message)])

    def _fault(self, key: str, message: str, line: int = 0) -> None:
        self.faults.append(Fault(self.file, line or self.line, key, message))
        if len(self.faults) >= MAX_FAULTS:
            self._stop(f"{MAX_FAULTS} faults up to here; the rest was not read")

    def _value(self, event: Any, key: str, depth: int) -> Value:
        if isinstance(event, AliasEvent):
            self._fault(key, f"*{event.anchor} is an alias, which is not allowed; write the value out, or quote it")
            return ""
        if event.anchor is not None:
            self._fault(key, f"&{event.anchor} is an anchor, which is not allowed; delete it, or quote the value")
        if event.tag is not None:
            self._fault(key, "a tag (!) is not allowed; delete it, or quote the value")
        if isinstance(event, ScalarEvent):
            return self._text(event, key)
        if depth > MAX_DEPTH:
            self._stop(f"nested deeper than {MAX_DEPTH} levels")
        flow = bool(event.flow_style)
        self.flow += flow
        entries = list(self._entries(event, key, depth))
        self.flow -= flow
        if flow:
            entries = self._rejoined(entries, key)
        return self._mapping(entries, key) if isinstance(event, MappingStartEvent) else self._list(entries, key)

    def _text(self, event: ScalarEvent, key: str) -> str | None:
        text: str = event.value
        if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
            self._fault(key, "contains a NUL or half a surrogate pair, which no text may")
            return ""
        if event.style in ("|", ">"):
            return text.rstrip("\n")  # block style adds it to what was meant
        return text or (None if event.style is None else "")

    def _entries(self, start: Any, parent: str, depth: int) -> Iterator[_Entry]:
        keyed, index = isinstance(start, MappingStartEvent), 0
        while not isinstance(event := self._next(), MappingEndEvent | SequenceEndEvent):
            line, name = self.line, str(index)
            if keyed:
                written = self._value(event, parent, depth + 1)
                if not isinstance(written, str):
                    self._fault(parent, "a key is missing or is no text", line)
                    written = ""
                name, event = written, self._next()
            key = _below(parent, name)
            self.lines.setdefault(key, line)
            value = self._value(event, key, depth + 1)
            bare = isinstance(event, ScalarEvent) and event.style is None
            yield _Entry(name if keyed else None, value, line, bare)
            index += 1

    def _list(self, entries: Sequence[_Entry], parent: str) -> list[Value]:
        for index, entry in enumerate(entries):
            self._check_given(entry, _below(parent, str(index)))
        return [entry.value for entry in entries]

    def _mapping(self, entries: Sequence[_Entry], parent: str) -> dict[str, Value]:
        firsts: dict[str, _Entry] = {}
        for entry in entries:
            name = str(entry.key)
            key = _below(parent, name)
            if name in firsts:
                self._fault(key, f"stands twice, first in line {firsts[name].line}; keep one", entry.line)
                continue
            self._check_given(entry, key)
            firsts[name] = entry
        return {name: entry.value for name, entry in firsts.items()}

    def _check_given(self, entry: _Entry, key: str) -> None:
        """Refuse `min:` with nothing behind it: it would silently mean that there is no limit."""
        if entry.value is None:
            self._fault(key, "has no value; write one, or delete the line", entry.line)

    def _rejoined(self, entries: Sequence[_Entry], parent: str) -> list[_Entry]:
        """Put `{at: f(a, b)}` together again, which YAML reads as `at: f(a` and a key `b)`."""
        whole: list[_Entry] = []
        at = 0
        while at < len(entries):
            entry = entries[at]
            at += 1
            if entry.bare and (pieces := _pieces(entry, entries[at : at + 16])):
                at += len(pieces)
                text = ", ".join([str(entry.value), *pieces])
                key = _below(parent, str(len(whole)) if entry.key is None else entry.key)
                self._fault(
                    key,
                    f"was cut at its comma; quote an expression or type that contains commas: {shown(text)}",
                    entry.line,
                )
                entry = entry._replace(value=text)
            whole.append(entry)
        return whole


def _below(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name


def _pieces(entry: _Entry, following: Sequence[_Entry]) -> list[str]:
    """The rest of a text that opens a bracket which is closed behind a comma; empty if it does not."""
    pieces: list[str] = []
    unclosed = _unclosed(entry.value)
    for follower in following:
        if unclosed <= 0 or not isinstance(follower.piece, str):
            break
        pieces.append(follower.piece)
        unclosed += _unclosed(follower.piece)
    return pieces if unclosed == 0 else []


def _unclosed(text: Value) -> int:
    return text.count("(") - text.count(")") if isinstance(text, str) else 0
