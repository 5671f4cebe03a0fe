"""What is wrong with an expression, where it stands, and the name that was probably meant."""

import difflib
from collections.abc import Iterable


class RuleError(ValueError):
    """An expression that cannot be compiled; the message names the position and the cure.

    >>> error = RuleError("unknown function uper; did you mean upper?", 3)
    >>> error.message
    'position 3: unknown function uper; did you mean upper?'
    >>> error.column
    3
    """

    def __init__(self, problem: str, column: int = 0) -> None:
        self.problem = problem
        self.column = column  # 1-based character of the text; 0: the text as a whole
        self.message = f"position {column}: {problem}" if column else problem
        super().__init__(self.message)

    def __reduce__(self) -> tuple[type["RuleError"], tuple[str, int]]:
        return RuleError, (self.problem, self.column)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message: the nearest known name in whatever case, else the first few there are.

    >>> did_you_mean("CARIER", ["carrier", "origin"])
    'did you mean carrier?'
    >>> did_you_mean("xyz", ["origin", "carrier"])
    'there are: carrier, origin'
    """
    names = sorted(known)
    by_lower = {name.lower(): name for name in names}
    if close := difflib.get_close_matches(word.lower(), by_lower, n=1):
        return f"did you mean {by_lower[close[0]]}?"
    if not names:
        return "there are none"
    return f"there are: {', '.join(names[:12])}{', …' if len(names) > 12 else ''}"
