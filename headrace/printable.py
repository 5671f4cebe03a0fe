"""Text of others as it may be shown: nothing in it moves a terminal's cursor or fakes a line of a log."""


def printable(text: str, *, lines: bool = False) -> str:
    r"""The text with everything that is no printable character written as an escape; with `lines`, line ends stay.

    >>> printable("a.yaml:1: x\ny: no such key")
    'a.yaml:1: x\\ny: no such key'
    >>> printable("two\nlines, \x1b[2J", lines=True)
    'two\nlines, \\x1b[2J'
    """
    kept = "\n" if lines else ""
    return "".join(
        c if c.isprintable() or c in kept else c.encode("unicode_escape", "backslashreplace").decode() for c in text
    )
