"""Leave out the rows of a stream that repeat a key, before they are committed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from headrace import storage
from headrace.failures import DataFailure
from headrace.lake.data_files import Added
from headrace.lake.key_window import EPOCH, KeyWindow, RowKeys, joined
from headrace.lake.latest_window import LatestWindow
from headrace.lake.reading import opened
from headrace.lake.repeats import Places
from headrace.lake.replaced import Replaced, without_replaced
from headrace.lake.snapshot import open_snapshot
from headrace.lake.stream_account import StreamAccount
from headrace.lake.without_repeats import rows_at, without_repeats
from headrace.lake.written import Written
from headrace.rows.block import Origin
from headrace.rows.messages import LATE

_SHOWN = 5  # repeated keys in a message


class Kept(NamedTuple):
    """What of some files is committed, against a version of the table."""

    files: list[Added]
    account: StreamAccount
    keys: RowKeys | None = None  # of their rows; None where nobody looked
    seen: int | None = None
    replaced: Replaced = Replaced()


def left_in(root: str, files: Sequence[Added], account: StreamAccount, window: KeyWindow | LatestWindow | None) -> Kept:
    """The files without the rows that repeat a key, and the account that says so; all of them where there is no window.

    Raises:
        DataFailure: a key is repeated and that is refused, or the window does not fit into memory.
    """
    if window is None:
        return Kept(list(files), account)
    seen = window.catch_up()
    keys = [window.keys(file.name) for file in files]
    places, old = window.verdict(keys)
    replaced = without_replaced(open_snapshot(root, seen), old) if old else Replaced()
    account = replace(account, replaced=replaced.rows)
    left = joined(of.without(found) for of, found in zip(keys, places, strict=True))
    written = [Written(file, ((Origin(file.name, 0, file.rows), file.rows),)) for file in files]
    gone = {Origin(file.name, 0, file.rows): found for file, found in zip(files, places, strict=True) if len(found)}
    if not gone:
        return Kept(list(files), account, left, seen, replaced)
    if window.key.refuse:
        raise DataFailure(_repeated(root, window.key.columns, written, gone))
    duplicate = sum(map(len, gone.values()))
    account = replace(
        account,
        accepted=account.accepted - duplicate,
        duplicate=account.duplicate + duplicate,
        late=account.late - sum(_late(storage.join(root, origin.file), found) for origin, found in gone.items()),
        newest=EPOCH + timedelta(microseconds=int(left.time.max())) if len(left.time) else None,
    )
    return Kept([file.added for file in without_repeats(root, written, gone)], account, left, seen, replaced)


def _late(path: str, places: Places) -> int:
    with opened(path) as file:
        late: int | None = pc.sum(file.read(columns=[LATE.name]).column(0).take(pa.array(places))).as_py()
    return late or 0


def _repeated(root: str, key: Sequence[str], files: Sequence[Written], gone: Mapping[Origin, Places]) -> str:
    shown = "; ".join(
        f"{', '.join(f'{name} {row[name]}' for name in key)} at {row['_file']} offset {row['_offset']}"
        for _, row in rows_at(root, files, gone, [*key, "_file", "_offset"], _SHOWN)
    )
    return (
        f"{root}: {sum(map(len, gone.values())):,} messages repeat the key of a row before them, and on_repeat is "
        f"refuse; these were not committed. For example: {shown}. Say on_repeat: ignore, and run again: reading goes "
        "on where the table ends"
    )
