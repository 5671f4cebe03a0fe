"""The sums of all that a data set has ingested, whether it came in files or as messages of a topic."""

from typing import Any

from headrace.lake.account_table import read_accounts
from headrace.lake.accounts import NOT_LOOKED_FOR, Account
from headrace.lake.key_window import StreamKey
from headrace.lake.layout import DataSetFolder
from headrace.lake.stream_commit import stream_account
from headrace.spec.data_set import DataSet


def ingested(data: DataSet, folder: DataSetFolder) -> dict[str, Any]:
    """Plans, files, bytes (none of a topic), rows by what became of them, how repeats were looked for, reasons."""
    if not data.source.topic:
        accounts = read_accounts(folder)
        return {"plans": len(accounts), **Account.total(accounts)}
    total = stream_account(folder.events)
    rows = {name: getattr(total, name) for name in ("read", "accepted", "quarantined", "duplicate", "replaced")}
    none = dict.fromkeys(("plans", "files", "bytes"), 0)
    key = StreamKey.of(data)
    return {**none, **rows, "duplicates": key.told if key else NOT_LOOKED_FOR, "reasons": dict(total.reasons)}
