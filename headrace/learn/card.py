"""What a bundle was made from and how it did: the record that makes a model checkable.

`made_from` holds everything that decides the model's bytes (law: same content, same
settings, same worker count, same libraries → same bytes), and no path, table version
or time. The rest says where that content came from and what came of it.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.learn.gain import Gain
from headrace.learn.libraries import deciding_versions, other_versions
from headrace.learn.shares import Share
from headrace.spec.model import Model

if TYPE_CHECKING:
    from headrace.learn.boosting import Boosted

_SHOWN_FEATURES = 25


def made_from(model: Model, spec_digest: str, windows: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What decides the model: content of train and valid, feature spec, settings, libraries.

    Args:
        model: the model file.
        spec_digest: of the feature spec.
        windows: per window of the examples `rows`, `positives` and the content's `digest`.
    """
    return {
        "content": {
            window: {key: windows[window][key] for key in ("rows", "positives", "digest")}
            for window in ("train", "valid")
        },
        "features": spec_digest,
        "train": model.train.model_dump(mode="json", by_alias=True),
        "libraries": deciding_versions(),
    }


class LearnedFrom(NamedTuple):
    """Where the examples came from and who read which."""

    tables: Mapping[str, Mapping[str, Any]]  # every table that was read, directly or not: table, id, version
    windows: Mapping[str, Mapping[str, Any]]  # from, to, rows, positives, unlabeled, digest
    shares: Mapping[str, Sequence[Share]]  # of train and valid, one per worker


def card(
    model: Model,
    made_from: Mapping[str, Any],
    source: LearnedFrom,
    boosted: Boosted,
    gains: Sequence[Gain],
    created_at: str,
) -> dict[str, Any]:
    """The whole record, as plain values; `created_at` is ISO time, UTC."""
    last = boosted.rounds - 1
    return {
        "format": 1,
        "model": model.model,
        "created_at": created_at,
        "made_from": dict(made_from),
        "tables": {name: dict(table) for name, table in source.tables.items()},
        "windows": {name: dict(window) for name, window in source.windows.items()},
        "split": model.split.model_dump(mode="json"),
        "workers": [
            {
                window: {"rows": sum(group.rows for group in share[worker]), "row_groups": len(share[worker])}
                for window, share in source.shares.items()
            }
            for worker in range(model.train.workers)
        ],
        "rounds": {"kept": boosted.rounds, "run": len(boosted.train_logloss), "asked": model.train.rounds},
        "metrics": {
            "train": {"logloss": boosted.train_logloss[last]},
            "valid": {"logloss": boosted.valid_logloss[last]},
        },
        "curve": {
            "train_logloss": list(boosted.train_logloss),
            "valid_logloss": list(boosted.valid_logloss),
        },
        "importance": [asdict(gain) for gain in gains],
        "versions": {
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}",
            **deciding_versions(),
            **other_versions(),
        },
    }


def card_text(record: Mapping[str, Any]) -> str:
    """The card as Markdown, for people."""
    rounds, metrics = record["rounds"], record["metrics"]
    booster = record["made_from"]["train"]["booster"]
    lines = [
        f"# {record['model']}",
        "",
        (
            f"Trained {record['created_at']} on {record['windows']['train']['rows']:,} examples, "
            f"{rounds['kept']} of {rounds['run']} rounds kept; "
            f"logloss {metrics['train']['logloss']:.5f} on train, {metrics['valid']['logloss']:.5f} on valid."
        ),
        "",
        "## Windows",
        "",
        *_table(
            ("window", "from", "to", "rows", "positive", "base rate", "no label", "content digest"),
            [
                (
                    name,
                    window["from"],
                    window["to"],
                    f"{window['rows']:,}",
                    f"{window['positives']:,}",
                    f"{window['positives'] / window['rows']:.4f}" if window["rows"] else "",
                    f"{window['unlabeled']:,}",
                    window["digest"],
                )
                for name, window in record["windows"].items()
            ],
        ),
        "",
        "## Workers",
        "",
        *_table(
            ("worker", "train rows", "row groups", "valid rows", "row groups"),
            [
                (str(number), *(f"{worker[w][k]:,}" for w in ("train", "valid") for k in ("rows", "row_groups")))
                for number, worker in enumerate(record["workers"])
            ],
        ),
        "",
        "## Features by gain",
        "",
        *_table(
            ("feature", "total gain", "gain per split", "splits"),
            [
                (g["feature"], f"{g['total_gain']:,.1f}", f"{g['gain']:,.1f}", f"{g['splits']:,}")
                for g in record["importance"][:_SHOWN_FEATURES]
            ],
        ),
        "",
        "## Settings",
        "",
        *_table(("setting", "value"), [*_settings(record["made_from"]["train"]), *_settings(booster)]),
        "",
        "## Tables",
        "",
        *_table(
            ("name", "version", "id", "table"),
            [
                (name, str(table["version"]), str(table["id"]), str(table["table"]))
                for name, table in record["tables"].items()
            ],
        ),
        "",
        "## Versions",
        "",
        *_table(("library", "version"), sorted(record["versions"].items())),
        "",
    ]
    return "\n".join(lines)


def _settings(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in settings.items() if not isinstance(value, dict)]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    r"""A Markdown table.

    >>> _table(("a", "b"), [("1", "x|y")])
    ['| a | b |', '|---|---|', '| 1 | x\\|y |']
    """
    body = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *body]
