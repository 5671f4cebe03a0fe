"""`${NAME}` and `${NAME:-default}`: where a place file, or the path of a source, asks the environment."""

import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?")


def interpolated(text: str, variables: Mapping[str, str]) -> str:
    """The text with every variable replaced; an empty one counts as not set. `$${` stands for `${`.

    >>> interpolated("${ROOT}/raw/${DAY:-*}.csv", {"ROOT": "/data"})
    '/data/raw/*.csv'

    Raises:
        ValueError: a variable is not set and has no default, or is not written as above.
    """

    def value(match: re.Match[str]) -> str:
        name, default = match.groups()
        if match[0] == "$${":
            return "${"
        if name is None:
            raise ValueError("a variable is written ${NAME} or ${NAME:-default}; write $${ where ${ itself is meant")
        found = variables.get(name) or default
        if found is None:
            raise ValueError(f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}")
        return found

    return _VARIABLE.sub(value, text)
