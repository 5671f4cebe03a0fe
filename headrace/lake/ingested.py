"""The sums of all that a data set has ingested, in files, as messages of a topic, or both."""

from collections import Counter
from typing import Any

from headrace.lake.account_table import read_accounts
from headrace.lake.accounts import NOT_LOOKED_FOR, Account
from headrace.lake.key_window import StreamKey
from headrace.lake.layout import DataSetFolder
from headrace.lake.stream_commit import stream_account
from headrace.spec.data_set import DataSet

_ROWS = ("read", "accepted", "quarantined", "duplicate", "replaced")


def ingested(data: DataSet, folder: DataSetFolder) -> dict[str, Any]:
    """Plans, files, bytes (none of a topic), rows by what became of them, how repeats were looked for, reasons."""
    accounts = read_accounts(folder)
    total = {"plans": len(accounts), **Account.total(accounts)}
    if not data.of_topic:
        return total
    stream, key = stream_account(folder.events), StreamKey.of(data)
    told = key.told if key else NOT_LOOKED_FOR
    return {
        **total,
        **{name: total[name] + getattr(stream, name) for name in _ROWS},
        "duplicates": "; ".join(dict.fromkeys([*([total["duplicates"]] if accounts else []), told])),
        "reasons": dict(sorted((Counter(total["reasons"]) + Counter(stream.reasons)).items())),
    }
