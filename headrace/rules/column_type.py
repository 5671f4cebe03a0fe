"""The closed list of column types, and the two more that only expressions have."""

import re
from dataclasses import dataclass
from typing import Literal, Self

import pyarrow as pa

Kind = Literal["int", "double", "decimal", "bool", "string", "date", "timestamp", "duration", "null"]

COLUMN_TYPES = ("int", "double", "decimal(p,s)", "bool", "string", "date", "timestamp")
"""What a contract may declare; `duration` and `null` exist only inside expressions."""

_DECIMAL = re.compile(r"decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)")
_ARROW: dict[str, pa.DataType] = {
    "int": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "duration": pa.duration("us"),
    "null": pa.null(),
}


@dataclass(frozen=True, slots=True)
class Type:
    """One type of the closed list; `arrow` is how a column of it is held in memory.

    >>> Type.parse("decimal(12,2)").arrow
    Decimal128Type(decimal128(12, 2))
    >>> str(Type.parse("timestamp"))
    'timestamp'
    """

    kind: Kind
    precision: int = 0
    scale: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a type as a contract writes it.

        Raises:
            ValueError: the text is none of `COLUMN_TYPES`, or the decimal's
                precision is not 1..38, or its scale exceeds its precision.
        """
        if match := _DECIMAL.fullmatch(text):
            precision, scale = int(match[1]), int(match[2])
            if not (1 <= precision <= 38 and scale <= precision):
                raise ValueError(f"{text}: precision must be 1..38 and scale at most the precision")
            return cls("decimal", precision, scale)
        if text in COLUMN_TYPES:
            return cls(text)  # type: ignore[arg-type]  # membership has narrowed it to a Kind
        raise ValueError(f"unknown type {text!r}; allowed: {', '.join(COLUMN_TYPES)}")

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type of a column, e.g. int64, float64, timestamp[us, UTC]."""
        if self.kind == "decimal":
            return pa.decimal128(self.precision, self.scale)
        return _ARROW[self.kind]

    @property
    def numeric(self) -> bool:
        """Whether arithmetic and ordering by value apply: int, double, decimal."""
        return self.kind in ("int", "double", "decimal")

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})" if self.kind == "decimal" else self.kind
