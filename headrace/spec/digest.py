"""The digest of a contract: what decides how rows are read and checked."""

import hashlib
import json
from typing import Any

from headrace.spec.data_set import DataSet

_DECIDING = {"one", "sources", "clean", "derive", "key", "time", "contract"}
_PLACES = {"path", "topic", "from_", "changed"}
_NOT_DECIDING: dict[str, Any] = {
    "one": _PLACES,
    "sources": {"backfill": _PLACES, "live": _PLACES},
    "contract": {"stop_if"},
}


def contract_digest(data: DataSet) -> str:
    """SHA-256, in hex, of the settings that decide what becomes of a row.

    It changes with neither the path of the files, the name of the topic or its first offsets, `stop_if`, nor
    the order in which columns and rules are declared, nor a default that is written out.
    So a later version of Headrace with more settings gives the same digest to the same file.
    """
    deciding = data.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, include=_DECIDING, exclude=_NOT_DECIDING
    )
    text = json.dumps(deciding, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
