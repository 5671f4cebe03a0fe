"""Read what `evaluate` left beside the report: exact metrics, curves and slices of one bundle."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from headrace import storage
from headrace.failures import DataFailure
from headrace.learn.metrics import Metrics
from headrace.report.contents import Curves, Evaluation, Slice, Slices

type _Name = Literal["valid", "test"]

_WINDOWS: tuple[_Name, ...] = ("valid", "test")  # in the order of time; the file has its keys in that of letters


@dataclass(frozen=True)
class _Bundle:
    id: str


@dataclass(frozen=True)
class _Threshold:
    value: float
    chosen: str


@dataclass(frozen=True, kw_only=True)
class _Value(Metrics):
    value: str | None


@dataclass(frozen=True)
class _Slices:
    values: tuple[_Value, ...]
    left_out: int


@dataclass(frozen=True, kw_only=True)
class _Window(Metrics):
    curves: Curves
    slices: Mapping[str, _Slices] = field(default_factory=dict)


@dataclass(frozen=True)
class _File:
    """The keys of `headrace.learn.evaluation` that a report tells."""

    written_at: str
    bundle: _Bundle
    threshold: _Threshold
    windows: Mapping[_Name, _Window]


def read_evaluation(path: str) -> Evaluation:
    """The evaluation of a file.

    Raises:
        DataFailure: it is not there, or not what `evaluate` writes.
    """
    content = storage.read(path)
    if content is None:
        raise DataFailure(f"{path}: nothing was evaluated yet")
    try:
        return _evaluation(msgspec.json.decode(content, type=_File))
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise DataFailure(f"{path}: not what evaluate writes ({fault})") from fault


def _evaluation(file: _File) -> Evaluation:
    windows: dict[str, _Window] = {name: file.windows[name] for name in _WINDOWS if name in file.windows}
    columns = dict.fromkeys(column for window in windows.values() for column in window.slices)
    return Evaluation(
        bundle=file.bundle.id,
        made_at=file.written_at,
        threshold=file.threshold.value,
        chosen=file.threshold.chosen,
        metrics={name: _metrics(window) for name, window in windows.items()},
        curves={name: window.curves for name, window in windows.items()},
        slices=tuple(_slices(column, windows) for column in columns),
    )


def _slices(column: str, windows: Mapping[str, _Window]) -> Slices:
    """One column's values over all windows; test decides the order, then valid."""
    found: dict[str | None, dict[str, Metrics]] = {}
    for name in sorted(windows, key=lambda name: name != "test"):
        for value in windows[name].slices.get(column, _Slices((), 0)).values:
            found.setdefault(value.value, {})[name] = _metrics(value)
    left_out = max(window.slices[column].left_out for window in windows.values() if column in window.slices)
    return Slices(column, tuple(Slice(value, metrics) for value, metrics in found.items()), left_out)


def _metrics(found: Metrics) -> Metrics:
    """The metrics alone, without what stood beside them in the file."""
    return Metrics(**{name: getattr(found, name) for name in Metrics.__dataclass_fields__})
