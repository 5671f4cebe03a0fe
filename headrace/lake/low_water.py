"""The time through which a data set is complete."""

import datetime as dt

from headrace.failures import DataFailure
from headrace.lake.snapshot import Snapshot


def low_water(snapshot: Snapshot, time: str | None, lateness: dt.timedelta) -> dt.datetime | None:
    """The newest event time in the table less the declared lateness, UTC.

    None where the table has no rows; not before the year 1, however great the lateness.
    A data set without a time column (static) is complete at all times, which is the
    largest timestamp.

    Raises:
        DataFailure: a file has no upper bound for the column, so the table cannot say.
    """
    if time is None:
        return dt.datetime.max.replace(tzinfo=dt.UTC)
    if not snapshot.rows:
        return None
    if lacking := [f.name for f in snapshot.files if time not in f.high]:
        raise DataFailure(f"{snapshot.root}: {lacking[0]} has no statistics of {time}; rewrite that file")
    newest: dt.datetime = max(f.high[time] for f in snapshot.files)
    first = dt.datetime.min.replace(tzinfo=dt.UTC)
    return newest.astimezone(dt.UTC) - min(lateness, newest.astimezone(dt.UTC) - first)
