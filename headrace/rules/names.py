"""The names of columns: as an expression writes them, and as tables store them.

A column that a join brings is written `plane.seats` and stored as `plane__seats`; no other
column may have `__` in its name. A name that is no identifier is written in double quotes.
"""

import re
from collections.abc import Collection

from lark import Token

from headrace.rules.syntax import Syntax, parse

_BETWEEN = "__"
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def joined_name(join: str, column: str) -> str:
    """The stored name of a column that a join brings.

    >>> joined_name("plane", "seats")
    'plane__seats'
    """
    return f"{join}{_BETWEEN}{column}"


def of_join(join: str, stored: str) -> str | None:
    """The name a column has in the data set it is joined from; None where this join does not bring it.

    >>> of_join("plane", "plane__seats"), of_join("plane", "seats")
    ('seats', None)
    """
    prefix = joined_name(join, "")
    return stored.removeprefix(prefix) if stored.startswith(prefix) else None


def is_joined(stored: str) -> bool:
    """Whether a name is one of a joined column."""
    return _BETWEEN in stored


def stored_name(name: str, columns: Collection[str]) -> str:
    """The name under which a column is stored: `plane.seats` is `plane__seats`, unless it is a column itself.

    >>> stored_name("plane.seats", {"plane__seats"}), stored_name("a.b", {"a.b"})
    ('plane__seats', 'a.b')
    """
    return name if name in columns else name.replace(".", _BETWEEN, 1)


def dotted(stored: str) -> str:
    """The inverse of `stored_name`, for messages.

    >>> dotted("plane__seats")
    'plane.seats'
    """
    return stored.replace(_BETWEEN, ".", 1)


def written(stored: str) -> str:
    """A column as an expression writes it.

    >>> written("plane__seats"), written("gate no")
    ('plane.seats', '"gate no"')
    """
    parts = stored.split(_BETWEEN, 1) if _IDENTIFIER.match(stored) else [stored]
    return ".".join(part if _IDENTIFIER.fullmatch(part) else f'"{part}"' for part in parts)


def unquoted(token: str) -> str:
    """The text or name that a token stands for.

    >>> unquoted("'o''clock'"), unquoted('"no of seats"'), unquoted("seats")
    ("o'clock", 'no of seats', 'seats')
    """
    quote = token[0]
    return token[1:-1].replace(quote * 2, quote) if quote in "'\"" else str(token)


def column_name(tree: Syntax) -> str:
    """The stored name of a `column` node of a syntax tree.

    >>> column_name(parse('plane."no of seats"'))
    'plane__no of seats'
    """
    return _BETWEEN.join(unquoted(child) for child in tree.children if isinstance(child, Token))


def named_columns(text: str) -> frozenset[str]:
    """Every column that stands in an expression, by its stored name.

    >>> sorted(named_columns("hour * 60 + plane.year"))
    ['hour', 'plane__year']
    """
    return frozenset(column_name(node) for node in parse(text).iter_subtrees() if node.data == "column")


def plain_column(text: str) -> str | None:
    """The column, if an expression is one and nothing else; None for anything computed.

    >>> plain_column(" plane.seats "), plain_column("seats + 1")
    ('plane__seats', None)
    """
    tree = parse(text)
    return column_name(tree) if tree.data == "column" else None
