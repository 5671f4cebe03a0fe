"""One build of a model's features: what it reads, and the one commit that makes its rows real."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.failures import DataFailure
from headrace.features.due import DueCounts, Window
from headrace.lake.accounts import prove_tiling
from headrace.lake.commit import Committed, Token, commit_once
from headrace.lake.snapshot import DataFile
from headrace.lake.written import Written, prove_written
from headrace.rows.block import Origin


@dataclass(frozen=True)
class Build:
    """One build: its window, its files, and the tokens that make its commit happen once."""

    app: str  # <model>/features/<table id>
    window: Window
    files: tuple[DataFile, ...]  # new ones, and older ones in which rows were waiting
    tokens: tuple[Token, ...]
    info: Mapping[str, Any]  # versions of all inputs, digest of the spec
    replace: bool  # the features are of another spec than the table's: all of them are made again


def commit_build(build: Build, root: str, counts: Sequence[DueCounts], written: Sequence[Written]) -> Committed:
    """Prove that every row group arrived and every due row was written, then commit.

    Run twice it commits once.

    Raises:
        DataFailure: a block is missing or there twice, or rows were lost on the way.
    """
    prove_tiling([Origin(f.path, 0, f.rows) for f in build.files], [c.origin for c in counts])
    if short := [c for c in counts if c.read != c.origin.end - c.origin.start]:
        raise DataFailure(
            f"{short[0].origin.file}: rows {short[0].origin.start}..{short[0].origin.end}, but {short[0].read:,} "
            "arrived; nothing was committed. Run again; if it stays, report it"
        )
    prove_written(build.app, "features", {c.origin: c.due for c in counts}, written)
    total = {name: sum(getattr(c, name) for c in counts) for name in DueCounts._fields[1:]}
    waiting = {c.origin.file for c in counts if c.waiting}
    info = {**build.info, "account": total, "waiting_in": sorted(f.name for f in build.files if f.path in waiting)}
    replace: Mapping[str, str] | None = {} if build.replace else None
    adds = [w.added for w in written]
    return commit_once(root, build.tokens, adds, info=info, replace=replace)
