"""From a syntax tree and the types of the columns to a typed node."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
from lark import Token

from headrace.nearest import nearest
from headrace.rules import arithmetic, comparison, functions
from headrace.rules.column import column
from headrace.rules.column_type import Type
from headrace.rules.conversion import BOOL, DOUBLE, INT, NULL, number, string
from headrace.rules.names import dotted, unquoted, written
from headrace.rules.node import Node, constant
from headrace.rules.rule_error import RuleError
from headrace.rules.syntax import Syntax
from headrace.rules.vectors import text_array

Children = list[Any]  # trees, tokens, and None where an optional token is absent


class Compiler:
    """Compiles the syntax trees of one text; each private method is named for a rule of `grammar.lark`."""

    def __init__(self, text: str, columns: Mapping[str, Type]) -> None:
        self._text = text
        self._columns = columns

    def compile(self, tree: Syntax) -> Node:
        """The node of a tree.

        Raises:
            RuleError: a name is not known, or types do not fit together.
        """
        start, end = tree.meta.start_pos, tree.meta.end_pos
        try:
            node: Node = getattr(self, f"_{tree.data}")(tree.children)
        except RuleError as error:
            raise error if error.column else RuleError(error.problem, start + 1) from None
        return replace(node, source=self._text[start:end], at=start + 1)

    def _all(self, trees: Sequence[Syntax]) -> list[Node]:
        return [self.compile(tree) for tree in trees]

    def _disjunction(self, children: Children) -> Node:
        return comparison.joined("or", self._all(children))

    def _conjunction(self, children: Children) -> Node:
        return comparison.joined("and", self._all(children))

    def _inverted(self, children: Children) -> Node:
        return comparison.inverted(self.compile(children[-1]))

    def _compared(self, children: Children) -> Node:
        left, sign, right = children
        return comparison.compared(self.compile(left), str(sign), self.compile(right))

    def _between(self, children: Children) -> Node:
        value, negation, low, high = children
        return _unless(negation, comparison.between(*self._all([value, low, high])))

    def _member(self, children: Children) -> Node:
        value, negation, *literals = children
        return _unless(negation, comparison.member(self.compile(value), self._all(literals)))

    def _missing(self, children: Children) -> Node:
        value, negation, _ = children
        return _unless(negation, comparison.missing(self.compile(value)))

    def _matching(self, children: Children) -> Node:
        value, negation, pattern = children
        try:
            matching = comparison.matching(self.compile(value), unquoted(pattern))
        except RuleError as error:
            raise error if error.column else RuleError(error.problem, pattern.start_pos + 1) from None
        return _unless(negation, matching)

    def _sum(self, children: Children) -> Node:
        first, *rest = self._all(children[::2])
        return arithmetic.chain(first, zip(map(str, children[1::2]), rest, strict=True))

    _product = _sum

    def _negative(self, children: Children) -> Node:
        operand = children[-1]
        if operand.data == "number":  # its sign is part of it: the least int has no positive twin
            return _number(operand.children[0], "-")
        return arithmetic.negative(self.compile(operand))

    def _number(self, children: Children) -> Node:
        return _number(children[0])

    def _string(self, children: Children) -> Node:
        return string(unquoted(children[0]))

    def _truth(self, children: Children) -> Node:
        return constant(BOOL, text_array(children[0].lower()).cast(pa.bool_())[0])

    def _nothing(self, _: Children) -> Node:
        return constant(NULL, pa.nulls(1)[0])

    def _call(self, children: Children) -> Node:
        name, *arguments = children
        return functions.call(str(name), self._all(arguments), name.start_pos + 1)

    def _column(self, children: Children) -> Node:
        tokens = [token for token in children if token is not None]
        stored = "__".join(map(unquoted, tokens))
        if stored in self._columns:
            return column(stored, self._columns[stored])
        cure = nearest(dotted(stored), map(written, self._columns))
        if len(tokens) == 1 and tokens[0].type == "QUOTED_NAME":
            cure += f"; a text is written in single quotes: '{unquoted(tokens[0])}'"
        raise RuleError(f"no column {'.'.join(tokens)}; {cure}")


def _unless(negation: Token | None, node: Node) -> Node:
    return comparison.inverted(node) if negation else node


def _number(token: Token, sign: str = "") -> Node:
    return number(INT if token.type == "INTEGER" else DOUBLE, Decimal(sign + token))
