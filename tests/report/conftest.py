"""A report of flights as it might be: figures of the right size, curves that belong to them."""

import json

import numpy as np
import pyarrow as pa
import pytest

from headrace.learn.bundle import Bundle
from headrace.learn.evaluation import evaluation
from headrace.learn.gain import Gain
from headrace.learn.slices import count_slices
from headrace.report.column_profile import ColumnProfile
from headrace.report.contents import (
    DataSetAccount,
    FeatureBuild,
    Question,
    Report,
    Scores,
    Step,
    TableFacts,
    Trained,
    Training,
    Window,
)
from headrace.report.evaluation_file import read_evaluation
from headrace.report.quarantined import Quarantined, printable

CARRIERS = ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV", None]
CARD = {
    "model": "late",
    "created_at": "2026-01-05T10:41:07+00:00",
    "rounds": {"kept": 143, "run": 173, "asked": 400},
    "importance": [],
    "curve": {"train_logloss": [], "valid_logloss": []},
}


@pytest.fixture(scope="session")
def evaluation_json():
    """What `evaluate` would write of a bundle on some 80,000 flights, as bytes: a function of the bundle's id."""
    return _evaluation_json


def _evaluation_json(bundle):
    chance = np.random.default_rng(7)
    windows, counts = {}, {}
    for name, rows, rate, months in (("valid", 28_000, 0.17, [10]), ("test", 53_500, 0.21, [11, 12])):
        labels = (chance.random(rows) < rate).astype(np.int64)
        logit = chance.normal(-1.6, 0.62, rows) + 0.45 * labels
        scores = (1 / (1 + np.exp(-logit))).astype(np.float32)
        frequent = chance.dirichlet(np.linspace(0.3, 6, len(CARRIERS)))
        columns = {
            "carrier": np.array(CARRIERS, object)[chance.choice(len(CARRIERS), rows, p=frequent)],
            "origin": chance.choice(["EWR", "JFK", "LGA"], rows),
            "month": chance.choice(months, rows),
        }
        counts[name] = count_slices(scores, labels, {key: _arrow(value) for key, value in columns.items()})
        windows[name] = {"from": f"2013-{months[0]}-01T00:00:00+00:00", "to": "2014-01-01T00:00:00+00:00"}
    found = Bundle(bundle, f"models/late/{bundle}", {}, CARD, b"{}")
    made_from = {"examples": {"table": "lake/flights/late/examples", "id": "e", "version": 1}}
    return json.dumps(evaluation(counts, windows, "f1", found, made_from, "2026-01-05T10:42:00+00:00")).encode()


def _arrow(values):
    return pa.chunked_array([[None if value is None else str(value) for value in values.tolist()]])


def _profiles():
    chance = np.random.default_rng(3)

    def numbers(name, low, mean, high, missing=0, bins=None):
        shape = chance.dirichlet(np.ones(24)) if bins is None else bins
        counts = tuple(int(n) for n in 336_772 * np.asarray(shape))
        return ColumnProfile(name, "float", 336_772, missing, low, mean, high, histogram=counts)

    bell = np.exp(-((np.arange(24) - 12) ** 2) / 40)
    text = {"kind": "string", "rows": 336_772, "missing": 0}
    return (
        ColumnProfile("carrier", **text, distinct=16, most_frequent="UA", histogram=tuple(range(58_665, 0, -3_700))),
        ColumnProfile(
            "tailnum", "string", 336_772, 2_512, distinct=4_043, most_frequent="N725MQ", histogram=(575,) * 24
        ),
        ColumnProfile(
            "predict_at",
            "timestamp[us, tz=UTC]",
            336_772,
            0,
            "2013-01-01T08:15:00.000000Z",
            None,
            "2014-01-01T02:59:00.000000Z",
            histogram=(14_032,) * 24,
        ),
        numbers("f__minute_of_day", 60.0, 805.2, 1439.0),
        numbers("f__weekday", 1.0, 3.96, 7.0, bins=[1 / 7 if n % 4 == 0 else 0 for n in range(24)]),
        numbers("f__distance", 2.89, 6.66, 8.51, bins=bell / bell.sum()),
        numbers("f__plane_age", 0.0, 11.2, 57.0, missing=57_912),
        numbers("plane__seats", 2.0, 137.2, 450.0, missing=52_606),
        numbers("weather__wind_speed", 0.0, 10.6, 1048.4, missing=1_573),
        numbers("f__weather__temp", 10.94, 56.9, 100.04, missing=1_573, bins=bell / bell.sum()),
        numbers("f__weather__wind_gust", 16.1, 25.6, 66.7, missing=256_391),
        numbers("f__weather__precip", 0.0, 0.0046, 1.21, missing=1_556, bins=[1] + [0] * 23),
        numbers("f__weather__pressure", 983.8, 1017.9, 1042.1, missing=38_777, bins=bell / bell.sum()),
    )


def _examples(file, reason):
    lines = [
        (b"2013,2,11,1545,1750,DL,2043,D942DN,JFK,ATL,760,15,45,2013-02-11T20:00:00Z", reason),
        (b"2013,1,5,600,\xff\xfe,\x00UA,1,N1\xe2\x80\xae1,EWR,IAH", ("line.fields", "line.utf8")),
        (b'"' + b"<script>alert(1)</script>" * 60, ("line.quote",)),
    ]
    return tuple(
        Quarantined(file, 1_204_332 + 77 * n, why, printable(line), len(line)) for n, (line, why) in enumerate(lines)
    )


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """A report in which nothing is missing."""
    path = tmp_path_factory.mktemp("reports") / "late.evaluation.json"
    path.write_bytes(_evaluation_json("0123456789ab"))
    rounds = np.arange(173)
    train = 0.42 + 0.27 * np.exp(-rounds / 22) - 0.0002 * rounds
    valid = 0.462 + 0.228 * np.exp(-rounds / 20) + 4e-7 * np.maximum(rounds - 120, 0) ** 2
    kept = int(np.argmin(valid)) + 1
    names = ["minute_of_day", "weather__humid", "weather__pressure", "dest", "carrier", "weather__temp", "weekday"]
    names += ["weather__dewp", "route", "plane_age", "distance", "wind", "weather__visib", "seats", "origin"]
    names += ["weather__precip", "weather__wind_gust", "seats__missing"]
    gains = tuple(Gain(n, 42_000.0 * 0.82**i, 60.0 * 0.9**i, 900 - 45 * i) for i, n in enumerate(names))
    counted = {"plans": 1, "files": 12, "refused": 0, "duplicate": 0, "replaced": 0, "duplicates": "not looked for"}
    return Report(
        project="flights",
        model="late",
        made_at="2026-01-05T10:45:12+00:00",
        question=Question("schedule", "sched_dep - hours(2)", "arr_delay > 15", "outcomes"),
        windows=(
            Window("train", "2013-01-01T00:00:00+00:00", "2013-10-01T00:00:00+00:00", 243_031, 58_700, 8_190, 0),
            Window("valid", "2013-10-01T00:00:00+00:00", "2013-11-01T00:00:00+00:00", 28_618, 4_866, 271, 0),
            Window("test", "2013-11-01T00:00:00+00:00", "2014-01-01T00:00:00+00:00", 53_500, 11_235, 969, 0),
        ),
        accounts=(
            DataSetAccount(
                "schedule", **counted, bytes=24_183_220, read=336_776, accepted=336_772, quarantined=4,
                reasons={"tailnum.regex": 4}, meanings={"tailnum.regex": "tailnum does not match ^N"},
                first="2013-01-01T10:15:00+00:00", last="2014-01-01T04:59:00+00:00",
                examples=_examples("raw/schedule/2013-02.csv", ("tailnum.regex",))[:1],
            ),
            DataSetAccount(
                "outcomes", **counted, bytes=20_410_998, read=336_781, accepted=330_100, quarantined=6_681,
                reasons={"tailnum.regex": 4, "line.fields": 5_203, "line.utf8": 812, "line.quote": 700},
                first="2013-01-01T10:15:00+00:00", last="2014-01-01T04:59:00+00:00",
                examples=_examples("raw/outcomes/2013-02.csv", ("tailnum.regex",)),
            ),
            DataSetAccount(
                "weather", **{**counted, "files": 1}, bytes=1_904_331, read=26_115, accepted=26_115, quarantined=0,
                reasons={}, first="2013-01-01T06:00:00+00:00", last="2013-12-30T23:00:00+00:00",
            ),
            DataSetAccount(
                "planes", **{**counted, "files": 1}, bytes=251_008, read=3_322, accepted=3_322, quarantined=0,
                reasons={},
            ),
        ),
        features=FeatureBuild(335_019, 3, 1_753, 214, 2, "2013-12-30T23:00:00+00:00", _profiles()),
        trained=Trained(
            id="0123456789ab",
            digest="9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab",
            created_at="2026-01-05T10:41:07+00:00",
            training=Training(kept, len(valid), 400, tuple(train.tolist()), tuple(valid.tolist())),
            importance=gains,
            settings={
                "objective": "binary:logistic", "workers": 2, "rounds": 400, "stop_after": 30, "seed": 0,
                "booster.max_depth": 6, "booster.eta": 0.08, "booster.subsample": 1.0, "booster.max_bin": 256,
            },
            content={"train": "5f3a90c2d1e8b764", "valid": "a7c40e1f29b3d586"},
            spec="1f825aa2f0020ef7cf91dfa30da4668d791c5d4824fc8e41354b89ec05795ab3",
            versions={"python": "3.12.11", "machine": "Linux x86_64", "xgboost-cpu": "3.4.1", "pyarrow": "25.0.1"},
            workers=tuple({w: {"rows": n, "row_groups": 32} for w, n in p.items()} for p in (
                {"train": 121_516, "valid": 14_309}, {"train": 121_515, "valid": 14_309},
            )),
        ),
        evaluation=read_evaluation(str(path)),
        scores=Scores(
            56_440, {"0123456789ab": 55_000, "fedcba987654": 1_440}, "2013-11-01T00:00:00+00:00",
            "2013-12-30T22:55:00+00:00", 0.2071,
            tuple(int(5_200 * np.exp(-((n - 9) ** 2) / 50)) for n in range(50)),
        ),
        tables=tuple(
            TableFacts(
                name, f"3d1f7c2e-8a44-4c1b-9a55-0c8f5e2b7a{n:02d}", n + 1, 336_772, f"lake/flights/{name}", n or None
            )
            for n, name in enumerate(("schedule/events", "outcomes/events", "late/features", "late/examples"))
        ),
        steps=tuple(
            Step(name, seconds, f"2026-01-05T10:4{n}:02+00:00")
            for n, (name, seconds) in enumerate(
                (("ingest schedule", 6.4), ("ingest outcomes", 7.1), ("features late", 21.3), ("train late", 64.9))
            )
        ),
    )  # fmt: skip
