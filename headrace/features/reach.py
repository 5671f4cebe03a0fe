"""How early and how late a time expression of a data set can be, as its contract bounds its columns."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import cached_property, reduce

from lark import Token, Tree

from headrace.features.span import Interval, Span, Term
from headrace.rules import Type
from headrace.rules.instants import microseconds
from headrace.rules.names import column_name
from headrace.rules.syntax import Syntax, parse
from headrace.spec.columns import data_set_columns
from headrace.spec.data_set import DataSet
from headrace.spec.limits import parse_limit

_UNITS = {"minutes": Fraction(60_000_000), "hours": Fraction(3_600_000_000), "days": Fraction(86_400_000_000)}
_TOTAL = frozenset({"abs", "dayofweek", "floor", "length", "lower", "round", "trim", "upper"})  # null only of null
_MICROSECOND = Fraction(1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Reach:
    """Takes the expressions of one data set apart, derived columns down to what they are derived from.

    Times are counted in µs. What it cannot take apart becomes one term, which
    only cancels against itself. Private methods are named for the rules of the
    grammar that they take apart.
    """

    data: DataSet

    def span(self, text: str) -> Span:
        """The expression as a sum of terms."""
        return self._span(parse(text), text)

    @cached_property
    def _types(self) -> dict[str, Type]:
        return data_set_columns(self.data)

    @cached_property
    def _never_null(self) -> frozenset[str]:
        """The columns that an accepted row has a value in."""
        required = {name for name, column in self.data.contract.columns.items() if column.required}
        return frozenset(required | set(self.data.key) | ({self.data.time} if self.data.time else set()))

    def _span(self, node: Syntax, text: str) -> Span:
        known: Callable[[Syntax, str], Span] = getattr(self, f"_{node.data}", self._opaque)
        return known(node, text)

    def _number(self, node: Syntax, _: str) -> Span:
        return Span(constant=Fraction(str(node.children[0])))

    def _negative(self, node: Syntax, text: str) -> Span:
        return self._span(_operands(node)[0], text).scaled(Fraction(-1))

    def _column(self, node: Syntax, _: str) -> Span:
        name = column_name(node)
        missing = frozenset() if name in self._never_null else frozenset({name})
        if name in self.data.derive:
            span = self.span(self.data.derive[name])
            return Span(span.terms, span.constant, span.slack, span.nullable if missing else frozenset())
        return Span.of(Term(name, self._limits(name), _grain(self._types[name])), missing)

    def _limits(self, name: str) -> Interval:
        """What `min`, `max` and `in` of the contract say of a number or time."""
        column = self.data.contract.columns[name]
        if not column.type.numeric and column.type.kind not in ("date", "timestamp"):
            return Interval()
        low, high = (None if text is None else _exact(text, column.type) for text in (column.min, column.max))
        limits = Interval(low, high)
        if column.in_:
            listed = [_exact(text, column.type) for text in column.in_]
            limits = limits.within(Interval(min(listed), max(listed)))
        return limits

    def _sum(self, node: Syntax, text: str) -> Span:
        first, *rest = _operands(node)
        total = self._span(first, text)
        for sign, operand in zip(_signs(node), rest, strict=True):
            span = self._span(operand, text)
            total = total + span if sign == "+" else total - span
        return total

    def _product(self, node: Syntax, text: str) -> Span:
        """Times and through constants; any other product is one term."""
        first, *rest = _operands(node)
        total = self._span(first, text)
        for sign, operand in zip(_signs(node), rest, strict=True):
            factor = self._span(operand, text)
            if sign == "/" and _is_constant(factor) and factor.constant:
                total = total.scaled(1 / factor.constant)
            elif sign == "*" and _is_constant(factor):
                total = total.scaled(factor.constant)
            elif sign == "*" and _is_constant(total):
                total = factor.scaled(total.constant)
            else:
                return self._opaque(node, text, total="/" not in _signs(node))
        return total

    def _call(self, node: Syntax, text: str) -> Span:
        name = str(node.children[0]).lower()
        spans = [self._span(operand, text) for operand in _operands(node)]
        if name in _UNITS:
            span = spans[0].scaled(_UNITS[name])
            return span if span.whole else span + Span(slack=_MICROSECOND)
        if name == "coalesce":
            return self._first_present(spans, _source(node, text))
        return self._opaque(node, text, total=name in _TOTAL)

    def _first_present(self, spans: list[Span], text: str) -> Span:
        """`coalesce`: up to the first that is never null, any of them can be the value."""
        if not spans[0].nullable:
            return spans[0]
        within = reduce(Interval.hull, (span.interval for span in spans))
        nullable = (
            frozenset().union(*(span.nullable for span in spans))
            if all(span.nullable for span in spans)
            else frozenset()
        )
        return Span.of(Term(text, within, Fraction(1) if all(span.whole for span in spans) else None), nullable)

    def _opaque(self, node: Syntax, text: str, *, total: bool = False) -> Span:
        """One term without limits, null where a column is; unless it is `total`, perhaps elsewhere too."""
        source = _source(node, text)
        columns = [self._column(each, text) for each in node.iter_subtrees() if each.data == "column"]
        nullable = frozenset(() if total else {source}).union(*(column.nullable for column in columns))
        return Span.of(Term(source, Interval(), grain=None), nullable)


def _grain(of: Type) -> Fraction | None:
    """The unit a column counts in."""
    return None if of.kind == "double" else Fraction(1, 10**of.scale)


def _exact(text: str, of: Type) -> Fraction:
    """A limit as a number; a time in µs since 1970, as expressions count it."""
    match parse_limit(text, of):
        case datetime() as instant:
            return Fraction(microseconds(instant))
        case date() as day:
            return Fraction((day - _EPOCH.date()).days) * _UNITS["days"]
        case value:
            return Fraction(value)


def _operands(node: Syntax) -> list[Syntax]:
    return [child for child in node.children if isinstance(child, Tree)]


def _signs(node: Syntax) -> list[str]:
    return [str(child) for child in node.children if isinstance(child, Token)]


def _source(node: Syntax, text: str) -> str:
    return " ".join(text[node.meta.start_pos : node.meta.end_pos].split())


def _is_constant(span: Span) -> bool:
    return not span.terms and not span.slack and not span.nullable
