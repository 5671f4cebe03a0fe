"""From the text of an expression to its syntax tree, within limits."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedToken

from headrace.rules.rule_error import RuleError

MAX_BYTES = 10_000
MAX_TOKENS = 400
MAX_DEPTH = 60

Syntax = Tree[Token]

_OPERAND = {"NAME", "INTEGER"}  # where both may stand, anything that has a value may
_ALLOWED = {
    "STRING": "a text in single quotes",
    "QUOTED_NAME": "a column",
    "INTEGER": "a number",
    "COMPARATOR": "= <> < <= > >=",
    "PLUS": "+ - * /",
    "TRUE": "true",
    "FALSE": "false",
    "NULL": "null",
    "NOT": "not",
    "AND": "and",
    "OR": "or",
    "BETWEEN": "between",
    "IN": "in",
    "IS": "is",
    "MATCHES": "matches",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": "a comma",
    "DOT": "a dot",
    "$END": "the end",
}
_CURES = {
    "!=": "write <> for unequal",
    "!": "write not",
    "==": "write a single =",
    "&": "write and",
    "|": "write or; texts cannot be joined",
    "%": "there is no remainder: x - floor(x / 12) * 12 gives that of 12",
    "`": 'a name that is no identifier is written in double quotes: "gate no"',
    "\N{LEFT SINGLE QUOTATION MARK}": "write the straight quote '",
    "\N{RIGHT SINGLE QUOTATION MARK}": "write the straight quote '",
    "\N{LEFT DOUBLE QUOTATION MARK}": 'write the straight quote "',
    "\N{RIGHT DOUBLE QUOTATION MARK}": 'write the straight quote "',
    "'": "the text that begins here has no closing quote; a quote inside a text is doubled: 'o''clock'",
    '"': "the name that begins here has no closing quote",
    "[": "write ( and )",
    "{": "write ( and )",
}


def parse(text: str) -> Syntax:
    """The syntax tree of an expression, at most `MAX_DEPTH` deep.

    >>> parse("dep_delay > 15").data
    'compared'

    Raises:
        RuleError: the text is too long or too deep, or no expression.
    """
    _check_length(text)
    try:
        tree: Syntax = _parser().parse(text)
    except UnexpectedCharacters as error:
        at = error.pos_in_stream or 0
        raise RuleError(f"found {text[at]!r}{_cure(text, at)}", at + 1) from None
    except UnexpectedToken as error:
        raise _unexpected(text, error) from None
    _check_depth(tree)
    return tree


@cache
def _parser() -> Lark:
    grammar = files("headrace.rules").joinpath("grammar.lark").read_text("utf-8")
    # The basic lexer, so that a keyword is a keyword wherever it stands.
    return Lark(grammar, parser="lalr", lexer="basic", propagate_positions=True, postlex=_TokenLimit())


class _TokenLimit:
    """Passes on at most `MAX_TOKENS` tokens."""

    always_accept = ()

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        for count, token in enumerate(stream, 1):
            if count > MAX_TOKENS:
                at = (token.start_pos or 0) + 1
                raise RuleError(f"longer than {MAX_TOKENS} words and signs; split it up", at)
            yield token


def _check_length(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise RuleError("found half of a surrogate pair, which is no character", error.start + 1) from None
    if size > MAX_BYTES:
        raise RuleError(f"{size:,} bytes long; at most {MAX_BYTES:,} are allowed: split it up")


def _check_depth(tree: Syntax) -> None:
    depths: dict[int, int] = {}
    for node in tree.iter_subtrees():  # children come before their parents
        depth = 1 + max((depths[id(child)] for child in node.children if isinstance(child, Tree)), default=0)
        if depth > MAX_DEPTH:
            raise RuleError(f"nested more than {MAX_DEPTH} deep; split it up", node.meta.start_pos + 1)
        depths[id(node)] = depth


def _unexpected(text: str, error: UnexpectedToken) -> RuleError:
    token: Token = error.token
    allowed = f"; allowed here: {_allowed(error.accepts)}"
    if token.type == "$END":
        return RuleError(f"found the end{allowed}", len(text) + 1)
    at = token.start_pos or 0
    cure = ""
    if token.type == "COMPARATOR":
        cure = _cure(text, at - 1) or (": comparisons do not chain" if "AND" in error.accepts else "")
    elif token.type == "DOT":
        begins = error.accepts >= _OPERAND
        cure = ": a number begins with a digit, as 0.5" if begins else ": a name has one dot, as join.column"
    elif token.isalpha() and token.type != "NAME" and error.accepts >= _OPERAND:
        cure = f': it is a word of the language; a column of that name is written "{token}"'
    return RuleError(f"found {str(token)!r}{cure}{allowed}", at + 1)


def _allowed(terminals: set[str]) -> str:
    """What may stand at a place, in words; a whole group of terminals by its name.

    >>> _allowed({"RPAR", "COMMA"})
    '), a comma'
    """
    words = []
    if terminals >= _OPERAND:
        words = ["a column, a value, a function, - or ("]
        terminals = terminals & {"NOT", "RPAR"}
    return ", ".join(words + [word for terminal, word in _ALLOWED.items() if terminal in terminals])


def _cure(text: str, at: int) -> str:
    if at < 0:
        return ""
    if text[at].isalpha():
        return ': a name with such letters is written in double quotes: "größe"'
    cure = _CURES.get(text[at : at + 2]) or _CURES.get(text[at])
    return f": {cure}" if cure else ""
