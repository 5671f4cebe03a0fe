"""`${NAME}` and `${NAME:-default}`: where a place file, or the path of a source, asks the environment."""

import os
import re
from collections.abc import Mapping

from headrace.failures import PlaceFailure

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


def client_options(options: Mapping[str, str]) -> dict[str, str]:
    """Settings of the Kafka client with the variables of this process's environment in place.

    Raises:
        PlaceFailure: one is not set here; a place was read where it was.
    """
    found = {}
    for name, text in options.items():
        try:
            found[name] = interpolated(text, os.environ)
        except ValueError as fault:
            raise PlaceFailure(
                f"kafka.options.{name}: {fault}, in the environment of every worker: secrets do not travel with the "
                "pipeline"
            ) from fault
    return found
