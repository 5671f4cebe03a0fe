"""Expressions as sums whose extremes can be told: how far apart two times can be, from the contract alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

type Bound = Fraction | None
"""A limit; None where there is none."""


@dataclass(frozen=True)
class Interval:
    """Where a value lies.

    >>> Interval(Fraction(1), Fraction(3)) + Interval(Fraction(5), None)
    Interval(low=Fraction(6, 1), high=None)
    """

    low: Bound = None
    high: Bound = None

    def __add__(self, other: "Interval") -> "Interval":
        return Interval(_plus(self.low, other.low), _plus(self.high, other.high))

    def scaled(self, factor: Fraction) -> "Interval":
        """Every value times `factor`.

        >>> Interval(Fraction(1), None).scaled(Fraction(-2))
        Interval(low=None, high=Fraction(-2, 1))
        """
        ends = (_times(self.low, factor), _times(self.high, factor))
        return Interval(*(ends if factor >= 0 else reversed(ends)))

    def within(self, other: "Interval") -> "Interval":
        """What both hold.

        >>> Interval(Fraction(1), None).within(Interval(None, Fraction(3)))
        Interval(low=Fraction(1, 1), high=Fraction(3, 1))
        """
        lows = [bound for bound in (self.low, other.low) if bound is not None]
        highs = [bound for bound in (self.high, other.high) if bound is not None]
        return Interval(max(lows, default=None), min(highs, default=None))

    def hull(self, other: "Interval") -> "Interval":
        """The smallest interval that holds both."""
        low = None if self.low is None or other.low is None else min(self.low, other.low)
        high = None if self.high is None or other.high is None else max(self.high, other.high)
        return Interval(low, high)


def _plus(left: Bound, right: Bound) -> Bound:
    return None if left is None or right is None else left + right


def _times(bound: Bound, factor: Fraction) -> Bound:
    if factor == 0:
        return Fraction(0)
    return None if bound is None else bound * factor


@dataclass(frozen=True)
class Term:
    """A part that is not taken apart further: a column, or an expression by its text."""

    text: str
    within: Interval
    grain: Bound  # of which every value is a multiple: 1 for whole numbers; None: of none


@dataclass(frozen=True)
class Span:
    """A sum of terms with factors, a constant, and what rounding can add; times in µs.

    `nullable` names the columns that make the whole null where they are.
    """

    terms: Mapping[Term, Fraction] = field(default_factory=dict)
    constant: Fraction = Fraction(0)
    slack: Fraction = Fraction(0)  # the value is off by at most this
    nullable: frozenset[str] = frozenset()

    @classmethod
    def of(cls, term: Term, nullable: frozenset[str]) -> "Span":
        """The span that is this one term."""
        return cls({term: Fraction(1)}, nullable=nullable)

    def __add__(self, other: "Span") -> "Span":
        terms = dict(self.terms)
        for term, factor in other.terms.items():
            terms[term] = terms.get(term, Fraction(0)) + factor
        return Span(
            {term: factor for term, factor in terms.items() if factor},
            self.constant + other.constant,
            self.slack + other.slack,
            self.nullable | other.nullable,
        )

    def __sub__(self, other: "Span") -> "Span":
        return self + other.scaled(Fraction(-1))

    def scaled(self, factor: Fraction) -> "Span":
        """The sum times a number."""
        return Span(
            {term: each * factor for term, each in self.terms.items() if factor},
            self.constant * factor,
            self.slack * abs(factor),
            self.nullable,
        )

    @property
    def interval(self) -> Interval:
        """Where the value lies: the extremes of the terms, each by itself."""
        total = Interval(self.constant - self.slack, self.constant + self.slack)
        for term, factor in self.terms.items():
            total += term.within.scaled(factor)
        return total

    @property
    def whole(self) -> bool:
        """Whether it can only be a whole number."""
        grains = [term.grain and term.grain * factor for term, factor in self.terms.items()]
        return not self.slack and all(
            part and part.denominator == 1 for part in [*grains, self.constant or Fraction(1)]
        )

    @property
    def without_low(self) -> list[str]:
        """The terms that keep the sum from having a lower limit."""
        return sorted(term.text for term, factor in self.terms.items() if term.within.scaled(factor).low is None)
