"""Beam entry points.

Beam is imported when there is work for it: a run that finds nothing to do ends before.
"""

import sys


class _NoPandas:
    """An import hook to which pandas is not installed."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ImportError("pandas is kept out of pipelines")


# Beam and pyarrow take pandas in wherever they find it (pyspark needs it installed), which
# doubles their start-up time for data frames that no pipeline here uses. While
# `python -m pipelines.…` looks for its module, argv[0] is "-m": only then is this process
# a pipeline's own, and the hook harms nobody else.
if sys.argv[0] == "-m":
    sys.meta_path.insert(0, _NoPandas())
