"""A trained model as a folder that is whole or refused.

`models/<model>/<id>/` holds `model.json` (XGBoost), `features.json` (the state of the
feature set), `card.json` and `card.md` (what it was made from and how it did) and
`manifest.json`, the SHA-256 of each. The id is the beginning of the digest of the
model, the features and what the card says they were made from, so the same training
always has the same id. `models/<model>/current` names the live one.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace import storage
from headrace.failures import DataFailure

if TYPE_CHECKING:
    import xgboost as xgb

MODEL, FEATURES, CARD, CARD_TEXT = "model.json", "features.json", "card.json", "card.md"
MANIFEST, CURRENT = "manifest.json", "current"
MOST_BYTES = 1 << 30  # of one file; beyond that it is no model of ours

_FILES = (MODEL, FEATURES, CARD, CARD_TEXT)
_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files are those of its manifest."""

    id: str
    path: str
    features: Mapping[str, Any]
    card: Mapping[str, Any]
    model: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the XGBoost model, hexadecimal."""
        return _digest(self.model)

    def booster(self, threads: int = 1) -> "xgb.Booster":
        """The XGBoost model, for prediction; `threads` do not change what it says."""
        import xgboost as xgb  # noqa: PLC0415  # a second to import, and most readers of a bundle need no booster

        booster = xgb.Booster({"nthread": threads})
        booster.load_model(bytearray(self.model))  # the bytes whose digest was checked, not the file again
        return booster


def bundle_id(model: bytes, features: Mapping[str, Any], made_from: Mapping[str, Any]) -> str:
    """The id these three give: 12 hexadecimal digits."""
    parts = {
        "features": _digest(json_bytes(features)),
        "made_from": _digest(json_bytes(made_from)),
        "model": _digest(model),
    }
    return _digest(json_bytes(parts))[:12]


def write_bundle(
    folder: str, model: bytes, features: Mapping[str, Any], card: Mapping[str, Any], card_text: str
) -> Bundle:
    """The bundle stands in the models' folder afterwards; it appears whole, in one step.

    A second time with the same model, features and `card["made_from"]` it leaves the
    one that is there. One that is there but broken is replaced.
    """
    identity = bundle_id(model, features, card["made_from"])
    path = storage.join(folder, identity)
    if storage.names(path):
        try:
            return load_bundle(path)
        except DataFailure:
            storage.remove_folder(path)
    contents = {
        MODEL: model,
        FEATURES: json_bytes(features),
        CARD: json_bytes(card),
        CARD_TEXT: card_text.encode(),
    }
    files = {name: {"sha256": _digest(data), "bytes": len(data)} for name, data in contents.items()}
    # Somebody may write the same bundle meanwhile: loading it says what is wrong.
    storage.put_folder(path, {**contents, MANIFEST: json_bytes({"id": identity, "files": files})})
    return load_bundle(path)


def load_bundle(path: str) -> Bundle:
    """The bundle of a folder, once every file has the digest its manifest gives.

    Raises:
        DataFailure: a file is missing, altered, too large or no JSON; names it and the cure.
    """
    manifest = _manifest(path)
    contents = {name: _checked(path, name, manifest) for name in _FILES}
    features, card = _parsed(path, FEATURES, contents), _parsed(path, CARD, contents)
    if bundle_id(contents[MODEL], features, card.get("made_from", {})) != manifest["id"]:
        raise _half(path, f"{MANIFEST} is that of another bundle")
    return Bundle(manifest["id"], path, features, card, contents[MODEL])


def live_bundle(folder: str) -> Bundle | None:
    """The bundle `current` names; None where none was ever made live.

    Raises:
        DataFailure: `current` names something that is no bundle, or half of one.
    """
    named = storage.read(storage.join(folder, CURRENT))
    if named is None:
        return None
    identity = named.decode("utf-8", "replace").strip()
    if not _ID.fullmatch(identity):
        raise DataFailure(
            f"{storage.join(folder, CURRENT)}: {identity[:40]!r} is no bundle's id; "
            "write the 12 digits of one that stands beside it, or train again"
        )
    return load_bundle(storage.join(folder, identity))


def make_live(folder: str, identity: str) -> None:
    """`current` names this bundle afterwards; a second time it says the same."""
    storage.put(storage.join(folder, CURRENT), f"{identity}\n".encode())


def json_bytes(value: Mapping[str, Any]) -> bytes:
    r"""JSON for people and digests alike: keys sorted, indented, no NaN.

    >>> json_bytes({"b": 1, "a": "é"}).decode()
    '{\n "a": "é",\n "b": 1\n}\n'
    """
    text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def _manifest(path: str) -> dict[str, Any]:
    text = storage.read(storage.join(path, MANIFEST))
    if text is None:
        raise _half(path, f"{MANIFEST} is missing")
    try:
        manifest = json.loads(text)
        known = {name: (file["sha256"], file["bytes"]) for name, file in manifest["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise _half(path, f"{MANIFEST} cannot be read ({type(fault).__name__}: {fault})") from fault
    if lacking := [name for name in _FILES if name not in known]:
        raise _half(path, f"{MANIFEST} does not name {', '.join(lacking)}")
    return {"id": manifest.get("id"), "files": known}


def _checked(path: str, name: str, manifest: Mapping[str, Any]) -> bytes:
    digest, size = manifest["files"][name]
    file = storage.join(path, name)
    found = storage.status(file)
    if found is None:
        raise _half(path, f"{name} is missing")
    if found.size > MOST_BYTES:
        raise _half(path, f"{name} has {found.size} bytes, more than any model of ours")
    data = storage.read(file) or b""
    if len(data) != size or _digest(data) != digest:
        raise _half(path, f"{name} is not the file that was written (SHA-256 differs from {MANIFEST})")
    return data


def _parsed(path: str, name: str, contents: Mapping[str, bytes]) -> dict[str, Any]:
    try:
        value = json.loads(contents[name])
    except ValueError as fault:
        raise _half(path, f"{name} is no JSON ({fault})") from fault
    if not isinstance(value, dict):
        raise _half(path, f"{name} is no JSON object")
    return value


def _half(path: str, what: str) -> DataFailure:
    return DataFailure(
        f"{path}: half a bundle: {what}. Nothing was loaded; "
        f"put the whole folder back from a copy, or train again with --force, which replaces it"
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
