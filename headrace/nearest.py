"""The end of a message about a name nobody knows: the one that was probably meant."""

import difflib
from collections.abc import Iterable

_SHOWN = 12


def nearest(word: str, known: Iterable[str]) -> str:
    """The nearest known name in whatever case, else the first few there are.

    >>> nearest("CARIER", ["carrier", "origin"])
    'did you mean carrier?'
    >>> nearest("xyz", ["origin", "carrier"])
    'known: carrier, origin'
    """
    names = sorted(known)
    by_folded = {name.casefold(): name for name in names}
    if close := difflib.get_close_matches(word.casefold(), by_folded, n=1):
        return f"did you mean {by_folded[close[0]]}?"
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return f"known: {shown}" if names else "none are declared"
