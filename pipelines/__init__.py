"""Beam entry points.

Importing this package imports Beam, in its own way: Beam and pyarrow take pandas in
wherever they find it (pyspark needs it installed), which doubles their start-up time
for data frames that no pipeline here uses.
"""

import logging
import sys


class _NoPandas:
    """An import hook to which pandas is not installed."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ImportError("pandas is kept out of pipelines")


# While `python -m pipelines.…` looks for its module, argv[0] is "-m": only then is this
# process a pipeline's own, and the hook harms nobody else.
if sys.argv[0] == "-m":
    sys.meta_path.insert(0, _NoPandas())

# Beam says at import that it lacks Google's libraries, which nobody asked for.
logging.disable(logging.WARNING)
import apache_beam  # noqa: E402, F401

logging.disable(logging.NOTSET)
