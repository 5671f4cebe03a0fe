"""Axes whose ticks a person can read."""

import math
from typing import NamedTuple, Self

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_TICKS = 5  # about as many on one axis


class Axis(NamedTuple):
    """A straight scale with its ticks; `low` is less than `high`."""

    label: str
    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def over(cls, label: str, low: float, high: float) -> Self:
        """A scale that holds both values, with about five round ticks; ends on ticks.

        >>> Axis.over("rows", 0, 87)
        Axis(label='rows', low=0.0, high=100.0, ticks=(0.0, 20.0, 40.0, 60.0, 80.0, 100.0))
        >>> Axis.over("rows", 3, 3).ticks
        (2.4, 2.6, 2.8, 3.0, 3.2, 3.4, 3.6)
        """
        if not low < high:
            low, high = low - 0.5, low + 0.5
        step = round_step((high - low) / _TICKS)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        ticks = tuple(round(n * step, 12) for n in range(first, last + 1))
        return cls(label, ticks[0], ticks[-1], ticks)

    @classmethod
    def share(cls, label: str, high: float = 1.0) -> Self:
        """From 0 to 1, or to the first round value above `high`.

        >>> Axis.share("recall").ticks, Axis.share("score", 0.43).high
        ((0.0, 0.2, 0.4, 0.6, 0.8, 1.0), 0.5)
        """
        return cls.over(label, 0.0, min(max(high, 0.01), 1.0))

    def place(self, value: float) -> float:
        """Where a value lies, 0 at the low end and 1 at the high; values outside lie beyond."""
        return (value - self.low) / (self.high - self.low)


def round_step(width: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below a width.

    >>> [round_step(w) for w in (0.013, 1, 17.4, 21)]
    [0.02, 1.0, 20.0, 25.0]
    """
    power = 10.0 ** math.floor(math.log10(width))
    return next(s * power for s in _STEPS if s * power >= width * (1 - 1e-9))


def tick_text(value: float) -> str:
    """A tick's value, short.

    >>> [tick_text(v) for v in (0.0, 0.2, 1.0, 4000.0, 12500.0, 0.575, 2500000.0)]
    ['0', '0.2', '1', '4,000', '12.5k', '0.575', '2.5M']
    """
    if abs(value) >= 1e6:
        return f"{value / 1e6:g}M"
    if abs(value) >= 1e4:
        return f"{value / 1e3:g}k"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"
