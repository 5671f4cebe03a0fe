"""What was added to a table between two versions: how every incremental reader works."""

import json
from urllib.parse import unquote

from headrace import storage
from headrace.failures import DataFailure
from headrace.lake.snapshot import DataFile, open_snapshot


def added_between(root: str, after: int | None, until: int) -> tuple[DataFile, ...]:
    """The files added after one version up to another; all of them where `after` is None.

    Files that a rewrite without a change of data made (a compaction) do not count.

    Raises:
        DataFailure: rows were deleted or updated in between, or the log no longer
            reaches back that far.
    """
    if after is None:
        return open_snapshot(root, until).files
    present = {f.name: f for f in open_snapshot(root, until).files}
    added: list[DataFile] = []
    for version in range(after + 1, until + 1):
        names = _added_by(root, version)
        if not names <= present.keys():  # compacted since: look at the table as it was then
            added += [f for f in open_snapshot(root, version).files if f.name in names]
        else:
            added += [present[name] for name in sorted(names)]
    return tuple(added)


def _added_by(root: str, version: int) -> set[str]:
    path = storage.join(root, "_delta_log", f"{version:020d}.json")
    log = storage.read(path)
    if log is None:
        raise DataFailure(
            f"{path}: the log no longer reaches back to this version; move the table made from it away, "
            "so that it is made anew"
        )
    added: set[str] = set()
    for line in log.splitlines():
        action = json.loads(line)
        if (remove := action.get("remove")) and remove["dataChange"]:
            raise DataFailure(
                f"{root}: version {version} deleted or changed rows ({unquote(remove['path'])}); what was made from "
                "them is made anew after: headrace reset <its file>"
            )
        if (add := action.get("add")) and add["dataChange"]:
            added.add(unquote(add["path"]))
    return added
