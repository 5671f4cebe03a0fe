"""What is wrong with an expression, where it stands."""


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
