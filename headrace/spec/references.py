"""How the checks of data sets and models look up names and types, and keep what they find wrong."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from headrace.nearest import nearest
from headrace.rules import RuleError, Type, compile_expression
from headrace.rules.names import dotted, is_joined, of_join, stored_name, unquoted
from headrace.spec.faults import Fault
from headrace.spec.located import Located

_NAME = re.compile(r'"(?:[^"]|"")*"|[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)?', re.ASCII)


@dataclass(frozen=True)
class Scope:
    """The columns that can be named in one place.

    `unsure` are names with a fault of their own, which was told where they are
    declared; in place of a column it may be a join, with all its columns.
    `elsewhere` ends a message about a column that another data set has.
    """

    of: str
    columns: Mapping[str, Type]
    unsure: frozenset[str] = frozenset()
    elsewhere: str = ""

    def is_unsure(self, name: str) -> bool:
        """Whether nothing can be said about a name, because what declares it is at fault."""
        stored = stored_name(name, self.columns)
        return any(stored == other or of_join(other, stored) is not None for other in self.unsure)


class Findings:
    """The faults of one file, as they are found."""

    def __init__(self, located: Located[object]) -> None:
        self.located = located
        self.faults: list[Fault] = []

    def add(self, key: str, message: str) -> None:
        """Keep a fault at a key of the file."""
        self.faults.append(self.located.fault(key, message))

    def parsed[T](self, key: str, text: str, parse: Callable[[str], T]) -> T | None:
        """What a text means, or None after a fault that says why it means nothing."""
        try:
            return parse(text)
        except ValueError as error:
            self.add(key, str(error))
            return None

    def type_of(self, key: str, expression: str, scope: Scope) -> Type | None:
        """The type of an expression's values; None after a fault, or where a name in it is unsure."""
        try:
            return compile_expression(expression, scope.columns).type
        except RuleError as error:
            name = _name_at(expression, error.column)
            if not scope.is_unsure(name):
                self.add(key, self.unknown(name, scope) or error.message)
            return None

    def column(self, key: str, name: str, scope: Scope) -> Type | None:
        """The type of a column; None after a fault, or where its type is unsure."""
        stored = stored_name(name, scope.columns)
        if stored in scope.columns:
            return scope.columns[stored]
        if not scope.is_unsure(name):
            known = map(dotted, scope.columns)
            self.add(key, self.unknown(name, scope) or f"{name} is not a column of {scope.of}; {nearest(name, known)}")
        return None

    def timestamp(self, key: str, expression: str, scope: Scope) -> None:
        """Ask that an expression gives a point in time."""
        type_ = self.type_of(key, expression, scope)
        if type_ and type_.kind != "timestamp":
            self.add(key, f"a timestamp is needed; this is {with_article(type_)}")

    def timestamp_column(self, key: str, name: str, scope: Scope) -> None:
        """Ask that a column is there and a timestamp."""
        type_ = self.column(key, name, scope)
        if type_ and type_.kind != "timestamp":
            self.add(key, f"a timestamp column is needed; {name} is {with_article(type_)}")

    def unknown(self, _name: str, _scope: Scope) -> str | None:
        """What to say of a name that is not in scope, if more is known than what is near."""
        return None


def reserved(name: str) -> str | None:
    """Why a column may not have a name; None if it may.

    >>> reserved("plane__seats"), reserved("seats")
    ('names with __ are those of joined columns; choose another', None)
    """
    if name.startswith("_"):
        return "names that begin with _ are kept for Headrace's own columns; choose another"
    if is_joined(name):
        return "names with __ are those of joined columns; choose another"
    return None


def _name_at(expression: str, position: int) -> str:
    """The name that begins at a 1-based position, joined ones as `join.column`; "" if none does.

    >>> _name_at('1 + plane . seats', 5), _name_at('"dep time" > 1', 1), _name_at("1 +", 3)
    ('plane.seats', 'dep time', '')
    """
    match = _NAME.match(expression, max(position - 1, 0)) if position else None
    if not match:
        return ""
    if match[0].startswith('"'):
        return unquoted(match[0])
    return re.sub(r"\s", "", match[0])


def spelled_alike(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names that differ from an earlier one only by capitals, which not every engine that reads our tables tells apart.

    >>> list(spelled_alike(["id", "Id", "ID", "time"]))
    [('Id', 'id'), ('ID', 'id')]
    """
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(name.casefold(), name)
        if other != name:
            yield name, other


def with_article(type_: Type) -> str:
    """A type as it stands in a sentence.

    >>> with_article(Type("int")), with_article(Type("null"))
    ('an int', 'always null')
    """
    if type_.kind == "null":
        return "always null"
    return f"an {type_}" if type_.kind == "int" else f"a {type_}"
