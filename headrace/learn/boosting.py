"""Boost trees on a binned matrix; the same call in one process and in every worker of a barrier stage."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import xgboost as xgb

from headrace.learn.gain import Gain
from headrace.spec.model import Train

type OnRound = Callable[[int, float, float], None]
"""Called after each round with its number from 1, and the logloss of train and valid."""


class Boosted(NamedTuple):
    """What boosting gave; under a communicator the same in every worker."""

    model: bytes  # XGBoost JSON, the kept rounds only
    rounds: int  # kept
    train_logloss: tuple[float, ...]  # of every round that was run
    valid_logloss: tuple[float, ...]


def boost(
    train: xgb.QuantileDMatrix,
    valid: xgb.QuantileDMatrix,
    settings: Train,
    threads: int,
    on_round: OnRound | None = None,
) -> Boosted:
    """The model of the rounds up to the lowest valid logloss, or of all where `stop_after` is not set.

    Logloss is a mean over rows, so the workers' sums give the exact value for all of
    them, whoever holds which rows.
    """
    log: dict[str, dict[str, list[float]]] = {}
    # First the telling: what comes after the callback that stops is not called in that round.
    callbacks: list[xgb.callback.TrainingCallback] = [_Rounds(on_round)] if on_round else []
    if settings.stop_after is not None:
        callbacks.append(
            xgb.callback.EarlyStopping(
                rounds=settings.stop_after, metric_name="logloss", data_name="valid", save_best=True
            )
        )
    booster = xgb.train(
        parameters(settings, threads),
        train,
        settings.rounds,
        evals=[(train, "train"), (valid, "valid")],
        evals_result=log,
        callbacks=callbacks,
        verbose_eval=False,
    )
    return Boosted(
        model=bytes(booster.save_raw("json")),
        rounds=booster.num_boosted_rounds(),
        train_logloss=tuple(log["train"]["logloss"]),
        valid_logloss=tuple(log["valid"]["logloss"]),
    )


def parameters(settings: Train, threads: int) -> dict[str, Any]:
    """XGBoost's parameters, every one that decides the model named."""
    return {
        **settings.booster.model_dump(by_alias=True),
        "objective": settings.objective,
        "eval_metric": "logloss",
        "tree_method": "hist",
        "seed": settings.seed,
        "nthread": threads,
    }


def gains(model: bytes, features: Sequence[str]) -> list[Gain]:
    """Every feature by the loss its splits saved in total, largest first; unused ones have 0."""
    booster = xgb.Booster(model_file=bytearray(model))
    kinds = ("gain", "total_gain", "weight")
    mean, total, splits = (cast(dict[str, float], booster.get_score(importance_type=kind)) for kind in kinds)
    found = [Gain(name, total.get(name, 0.0), mean.get(name, 0.0), int(splits.get(name, 0))) for name in features]
    return sorted(found, key=lambda gain: (-gain.total_gain, gain.feature))


class _Rounds(xgb.callback.TrainingCallback):
    def __init__(self, on_round: OnRound) -> None:
        super().__init__()
        self._on_round = on_round

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002  # XGBoost's signature
        self._on_round(epoch + 1, evals_log["train"]["logloss"][-1], evals_log["valid"]["logloss"][-1])
        return False
