"""How integers, doubles, decimals and booleans are written."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from headrace.rows.cells import as_mask
from headrace.rows.letters import byte_class, holding, may_hold
from headrace.rules.bounds import finite
from headrace.rules.vectors import bools_array, ints_array

NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""A number with an optional fraction and exponent."""

NUMBER_LETTERS = b"0123456789+-.eE"

_INT = re.compile(r"-?[0-9]+")
_SAFE_LENGTH = 38  # so many digits surely fit 128 bits
_INT_DIGITS = 19  # of the largest int64
_BOOLS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class IntNotation:
    """Digits with an optional minus, within int64. `5.0`, `1e3`, `+5` and ` 5` are none."""

    arrow = pa.int64()
    letters = b"0123456789-"
    trap = "x"  # Arrow takes 0x10 for 16
    sure = "^-?[0-9]{1,18}$"

    def fast(self, cells: pa.StringArray) -> pa.Array:
        """All at once; in doubt when a cell is out of range or none."""
        return cells.cast(pa.int64())

    def one(self, text: str) -> int | None:
        """The integer.

        >>> [IntNotation().one(text) for text in ("-007", "0x10", "9223372036854775808")]
        [-7, None, None]
        """
        digits = text.lstrip("-0") or "0"
        if not _INT.fullmatch(text) or len(digits) > _INT_DIGITS:
            return None
        value = -int(digits) if text.startswith("-") else int(digits)
        return value if -(1 << 63) <= value < 1 << 63 else None


@dataclass(frozen=True)
class DoubleNotation:
    """A finite number; neither NaN nor infinite nor hexadecimal."""

    arrow = pa.float64()
    letters = NUMBER_LETTERS
    trap = ""
    sure = r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$"

    def fast(self, cells: pa.StringArray) -> pa.Array:
        """All at once; in doubt when a cell is no number."""
        return finite(cells.cast(pa.float64()))

    def one(self, text: str) -> float | None:
        """The nearest double.

        >>> [DoubleNotation().one(text) for text in ("1.", "-.5e1", "nan", "1e400", "0x1p3", "1_0")]
        [1.0, -5.0, None, None, None, None]
        """
        value = float(text) if NUMBER.fullmatch(text) else math.inf
        return value if math.isfinite(value) else None


@dataclass(frozen=True)
class DecimalNotation:
    """A number that `decimal(precision, scale)` holds exactly; never rounded."""

    precision: int
    scale: int

    letters = NUMBER_LETTERS
    trap = ""

    @property
    def arrow(self) -> pa.DataType:
        """The decimal type."""
        return pa.decimal128(self.precision, self.scale)

    @property
    def sure(self) -> str:
        """So many digits before the point and so many behind it as surely fit."""
        whole = min(self.precision, _SAFE_LENGTH - len("-.")) - self.scale
        fraction = rf"(\.[0-9]{{1,{self.scale}}})?" if self.scale else ""
        return rf"^-?[0-9]{{1,{whole}}}{fraction}$" if whole > 0 else "^0$"

    def fast(self, cells: pa.StringArray) -> pa.Array:
        """All at once; in doubt when a cell is no number or does not fit."""
        return cast_to_decimal(cells, self.arrow)

    def one(self, text: str) -> Decimal | None:
        """The decimal.

        >>> [DecimalNotation(5, 2).one(text) for text in ("1.50", "1.500", "1.505", "1e3", "-0")]
        [Decimal('1.50'), Decimal('1.50'), None, None, Decimal('0.00')]
        """
        if (number := exact(text)) is None:
            return None
        sign, digits, exponent = number
        if exponent < -self.scale or len(digits) + exponent > self.precision - self.scale:
            return None
        shown = f"{sign}{digits}{'0' * (exponent + self.scale)}" if digits else "0"
        return Decimal(f"{shown}e-{self.scale}")


@dataclass(frozen=True)
class BoolNotation:
    """`true`, `false`, `1` or `0`, in any case."""

    arrow = pa.bool_()
    trap = ""
    letters = b"01trueTRUEfalsFALS"
    sure = "^[01]$"

    def fast(self, cells: pa.StringArray) -> pa.Array:
        """All at once; in doubt when a cell is none of the four."""
        return cells.cast(pa.bool_())

    def one(self, text: str) -> bool | None:
        """The truth value.

        >>> [BoolNotation().one(text) for text in ("TRUE", "0", "yes")]
        [True, False, None]
        """
        return _BOOLS.get(text.lower())


def exact(text: str) -> tuple[str, str, int] | None:
    """A number as sign, digits without zeros at either end, and exponent of the last digit; None if it is none.

    >>> exact("-01.50"), exact("2e3"), exact("0.0"), exact("x")
    (('-', '15', -1), ('', '2', 3), ('', '', 0), None)
    """
    if not NUMBER.fullmatch(text):
        return None
    try:
        sign, digits, exponent = Decimal(text).as_tuple()
    except InvalidOperation:  # an exponent beyond all bounds
        return None
    shown = "".join(map(str, digits)).rstrip("0")
    if not shown:
        return "", "", 0
    # A finite Decimal's exponent is a number; the three other kinds do not match NUMBER.
    return "-" if sign else "", shown, int(exponent) + len(digits) - len(shown)


def cast_to_decimal(cells: pa.StringArray, arrow: pa.Decimal128Type) -> pa.Decimal128Array:
    """The decimals, exactly.

    Arrow reads memory that is not its own at an exponent like 1e-99 (apache/arrow#50964), and
    wraps around where digits or scale exceed the bits; such cells never get there, and
    what may exceed 128 bits on the way is read with 256.

    Raises:
        pa.ArrowInvalid: some cell is no number, does not fit, or is one that Arrow must not see.
    """
    lengths = pc.max(pc.binary_length(cells)).as_py() or 0
    if lengths > _SAFE_LENGTH or (may_hold(cells, "e") and holding(cells, byte_class(b"eE")).size):
        raise pa.ArrowInvalid("may have an exponent or too many digits")
    return cells.cast(pa.decimal256(76, arrow.scale)).cast(arrow)


def unscaled(decimals: pa.Decimal128Array) -> pa.Int64Array:
    """The integers that decimals are held as; null beyond 64 bits.

    >>> unscaled(pa.array([Decimal("1.50"), None])).to_pylist()
    [150, None]
    """
    words = np.frombuffer(decimals.buffers()[1], np.int64).reshape(-1, 2)  # low, high
    low, high = words[decimals.offset : decimals.offset + len(decimals)].T
    fits = as_mask(decimals.is_valid()) & (high == low >> 63)
    return ints_array(low, pa.int64(), known=bools_array(fits))
