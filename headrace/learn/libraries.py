"""Versions of the code at work, also where it came as a zip or beside its packages, not installed."""

import importlib
import sys
from importlib import metadata

import headrace

_DECIDING = {"numpy": "numpy", "pyarrow": "pyarrow", "xgboost-cpu": "xgboost"}  # distribution → its module
_OTHERS = {"delta-spark": "delta", "deltalake": "deltalake", "pyspark": "pyspark"}


def deciding_versions() -> dict[str, str]:
    """Of what decides the bytes of a model: this code, and the libraries that compute."""
    found = {name: _installed(name) or _own(importlib.import_module(module)) for name, module in _DECIDING.items()}
    return {"headrace": headrace.__version__, **found}


def other_versions() -> dict[str, str]:
    """Of the engines around it, which change no byte; `unknown` where one is not at work here."""
    return {name: _installed(name) or _own(sys.modules.get(module)) for name, module in _OTHERS.items()}


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _own(module: object) -> str:
    return str(getattr(module, "__version__", "unknown"))
