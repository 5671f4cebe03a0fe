"""What a report tells of the live bundle: its digests, and what its card says it was made from."""

from collections.abc import Mapping
from typing import Any

import msgspec

from headrace.failures import DataFailure
from headrace.learn.bundle import Bundle, live_bundle
from headrace.learn.gain import Gain
from headrace.report.contents import Trained, Training, Value


def read_bundle(folder: str) -> Bundle:
    """The live bundle of a model's folder.

    Raises:
        DataFailure: there is none, or it is broken.
    """
    bundle = live_bundle(folder)
    if bundle is None:
        raise DataFailure(f"{folder}: no bundle was made yet")
    return bundle


def trained(bundle: Bundle) -> Trained:
    """The facts of a bundle.

    Raises:
        DataFailure: its card is not what `train` writes.
    """
    card = bundle.card
    try:
        return Trained(
            id=bundle.id,
            digest=bundle.digest,
            created_at=card["created_at"],
            training=Training(
                kept=card["rounds"]["kept"],
                run=card["rounds"]["run"],
                asked=card["rounds"]["asked"],
                train_logloss=tuple(card["curve"]["train_logloss"]),
                valid_logloss=tuple(card["curve"]["valid_logloss"]),
            ),
            importance=tuple(msgspec.convert(card["importance"], list[Gain])),
            settings=dict(_flat(card["made_from"]["train"])),
            content={name: window["digest"] for name, window in card["made_from"]["content"].items()},
            spec=card["made_from"]["features"],
            versions=dict(card["versions"]),
            workers=tuple(card["workers"]),
        )
    except (KeyError, TypeError, msgspec.MsgspecError) as fault:
        raise DataFailure(
            f"{bundle.path}/card.json is not what train writes ({type(fault).__name__}: {fault}); train again"
        ) from fault


def _flat(settings: Mapping[str, Any], under: str = "") -> list[tuple[str, Value]]:
    """Settings of settings under dotted names.

    >>> _flat({"rounds": 400, "booster": {"eta": 0.08}})
    [('rounds', 400), ('booster.eta', 0.08)]
    """
    flat: list[tuple[str, Value]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat += _flat(value, f"{under}{name}.")
        else:
            flat.append((f"{under}{name}", value))
    return flat
