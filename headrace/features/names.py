"""Which columns an expression names."""

from lark import Token

from headrace.rules.syntax import Syntax, parse


def column_name(tree: Syntax) -> str:
    """The stored name of a `column` node: `plane.seats` is `plane__seats`; quoted names without their quotes.

    >>> column_name(parse('plane."no of seats"'))
    'plane__no of seats'
    """
    return "__".join(_unquoted(child) for child in tree.children if isinstance(child, Token))


def _unquoted(token: Token) -> str:
    return token[1:-1].replace('""', '"') if token.type == "QUOTED_NAME" else str(token)


def named_columns(text: str) -> frozenset[str]:
    """Every column that stands in the expression.

    >>> sorted(named_columns("hour * 60 + plane.year"))
    ['hour', 'plane__year']
    """
    return frozenset(column_name(node) for node in parse(text).iter_subtrees() if node.data == "column")


def plain_column(text: str) -> str | None:
    """The column, if the expression is one and nothing else; None for anything computed.

    >>> plain_column(" plane.seats "), plain_column("seats + 1")
    ('plane__seats', None)
    """
    tree = parse(text)
    return column_name(tree) if tree.data == "column" else None
