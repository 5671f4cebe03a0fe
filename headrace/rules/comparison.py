"""Comparisons and the logic of three values: what is not known is null, as in SQL."""

from collections.abc import Sequence
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from headrace.rules.conversion import BOOL, DOUBLE, INT, NULL, STRING, arrow_type, convert, meet
from headrace.rules.node import Kernel, Node, apply, value_of
from headrace.rules.rule_error import RuleError
from headrace.rules.vectors import text_array

_COMPARISONS: dict[str, Kernel] = {
    "=": pc.equal,
    "<>": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_LOGIC: dict[str, Kernel] = {"and": pc.and_kleene, "or": pc.or_kleene}
_UNKNOWN = pa.nulls(1, pa.bool_())[0]
_ZERO = text_array("0").cast(pa.float64())[0]


def joined(word: str, nodes: Sequence[Node]) -> Node:
    """Conditions joined by `and` or `or`: known as soon as one of them settles it."""
    conditions = [_condition(word, node) for node in nodes]
    return reduce(lambda left, right: apply(BOOL, _LOGIC[word], left, right), conditions)


def inverted(node: Node) -> Node:
    """True for false and false for true."""
    return apply(BOOL, pc.invert, _condition("not", node))


def compared(left: Node, sign: str, right: Node) -> Node:
    """One of = <> < <= > >=. Texts are compared by code point."""
    return apply(BOOL, _COMPARISONS[sign], *_comparable(sign, left, right))


def between(value: Node, low: Node, high: Node) -> Node:
    """Whether the value lies from low to high, both included."""

    def kernel(values: pa.Array, lows: pa.Array, highs: pa.Array) -> pa.Array:
        return pc.and_kleene(pc.greater_equal(values, lows), pc.less_equal(values, highs))

    return apply(BOOL, kernel, *_comparable("between", value, low, high))


def member(value: Node, literals: Sequence[Node]) -> Node:
    """Whether the value is one of the literals; unknown if it is null, or no literal and one of them is null."""
    value, *literals = _comparable("in", value, *literals)
    scalars = [value_of(literal) for literal in literals]
    known = [pa.repeat(scalar, 1) for scalar in scalars if scalar.is_valid]
    listed = pa.concat_arrays([pa.nulls(0, arrow_type(value.type)), *known])
    doubles = value.type == DOUBLE
    options = pc.SetLookupOptions(pc.add(listed, _ZERO) if doubles else listed)
    all_known = len(known) == len(scalars)

    def kernel(values: pa.Array) -> pa.Array:
        # The hash behind is_in tells the two zeros of a double apart; adding zero makes them one.
        found = pc.is_in(pc.add(values, _ZERO) if doubles else values, options=options)
        if values.null_count:
            found = pc.if_else(pc.is_valid(values), found, _UNKNOWN)
        return found if all_known else pc.or_kleene(found, _UNKNOWN)

    return apply(BOOL, kernel, value)


def missing(node: Node) -> Node:
    """Whether it is null; this itself is always known."""
    return apply(BOOL, pc.is_null, node)


def matching(node: Node, pattern: str) -> Node:
    """Whether the RE2 pattern matches somewhere in the text.

    Raises:
        RuleError: the node is no text, or the pattern no regular expression.
    """
    if node.type not in (STRING, NULL):
        raise RuleError(f"matches takes a text, found {node}", node.at)
    options = pc.MatchSubstringOptions(pattern)
    try:
        pc.call_function("match_substring_regex", [text_array("")], options)  # an empty array checks nothing
    except pa.ArrowInvalid as error:
        raise RuleError(f"{error}; the syntax is RE2's: no look-around, no back-references") from None
    return apply(
        BOOL,
        lambda texts: pc.call_function("match_substring_regex", [texts], options),
        convert(node, STRING),
    )


def _condition(word: str, node: Node) -> Node:
    if node.type not in (BOOL, NULL):
        raise RuleError(f"{word} takes conditions, true or false; found {node}: compare it with something", node.at)
    return convert(node, BOOL)


def _comparable(word: str, *nodes: Node) -> list[Node]:
    met = meet(nodes)
    if met[0].type == BOOL and word not in ("=", "<>", "in"):
        raise RuleError(f"{word} takes what has an order, found {nodes[0]} and {nodes[1]}", nodes[0].at)
    return [convert(node, INT) for node in met] if met[0].type == NULL else met
