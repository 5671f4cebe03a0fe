"""The feature set: one function for a table, a block and a single row, and a state that any split gives."""

import json
import math
import pickle
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from itertools import chain
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from headrace.failures import DataFailure, PlaceFailure
from headrace.features import value_counts
from headrace.features.feature_set import FeatureSet, FeatureSpec
from headrace.features.fit_statistics import Statistics
from headrace.rows.key_hash import key_hash
from headrace.spec.faults import SpecError
from lib.trade import FEATURES, MODEL, ORDERS, RATES, SHOPS, compile_features, input_rows, load

ROWS = input_rows(400)


@pytest.fixture(scope="module")
def spec(tmp_path_factory) -> FeatureSpec:
    """Every kind of step and join."""
    return compile_features(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def state(spec) -> dict:
    """Fitted on all rows at once, and read back from its JSON as from a bundle."""
    return json.loads(json.dumps(spec.fit(gathered(spec, [ROWS]))))


@pytest.fixture(scope="module")
def features(spec, state) -> dict[str, list[float]]:
    """The features of all rows, column by column."""
    return columns(FeatureSet.load(spec, state)(spec.store(ROWS)))


def gathered(spec: FeatureSpec, parts: list[pa.RecordBatch]) -> Statistics:
    """Statistics of the parts, one worker each, merged through JSON from the last to the first."""
    texts = []
    for part in parts:
        statistics = spec.statistics()
        statistics.update(spec.store(part), key_hash(part, ["id"]))
        texts.append(statistics.to_json())
    merged = Statistics.from_json(texts.pop())
    while texts:
        merged.merge(Statistics.from_json(texts.pop()))
    return merged


def columns(batch: pa.RecordBatch) -> dict[str, list[float]]:
    """The bits of every column."""
    return {name: batch.column(name).to_numpy().view(np.uint32).tolist() for name in batch.schema.names}


def bits(values: list[float | None]) -> list[int]:
    """Python floats as the bits of float32, missing as NaN, beyond ±2^126 as missing."""
    rounded = [math.nan if v is None or not abs(v) < 2.0**126 else v + 0.0 for v in values]
    return [struct.unpack("=I", struct.pack("=f", v))[0] & (0x7FFFFFFF if v == 0 else 2**32 - 1) for v in rounded]


def test_names_and_stored_columns(spec):
    """Stateless features are stored as float32 f__<name>, fitted ones as their inputs, each once."""
    assert spec.names == (
        *("one", "shelf", "weekday", "expected", "present", "each", "log_amount", "log_lead", "cut", "low", "grade"),
        *("filled", "filled__missing", "route", "rates__rate", "rates__level", "here__size", "mean"),
        *("median", "median__missing", "mode", "ratio", "winsor", "z", "unit", "quarter", "shops", "kinds"),
        *("numbers", "amounts", "days", "prices", "upper_kind"),
    )
    stateless = spec.names[:17]
    inputs = ["amount", "rates__rate", "pieces", "i__ratio", "price", "shop", "kind of", "born", "i__upper_kind"]
    assert spec.stored.names == [f"f__{name}" for name in stateless] + inputs
    assert {spec.stored.field(f"f__{name}").type for name in stateless} == {pa.float32()}
    assert spec.stored.field("price").type == pa.decimal128(12, 2)
    assert spec.store(ROWS).schema == spec.stored
    assert spec.joined("rates") == ("rate", "level")


def test_whole_blocks_and_single_rows_give_the_same_bits(spec, state, features):
    """The whole table, blocks of 7 rows, slices and dicts of one row are equal to the last bit."""
    fitted = FeatureSet.load(spec, state)
    blocks = [columns(fitted(spec.store(ROWS.slice(at, 7)))) for at in range(0, len(ROWS), 7)]
    assert {name: [*chain.from_iterable(block[name] for block in blocks)] for name in spec.names} == features
    alone = [fitted.one(row) for row in ROWS.to_pylist()]
    assert {name: bits([row[name] for row in alone]) for name in spec.names} == features
    assert fitted(spec.store(ROWS.slice(0, 0))).num_rows == 0


def test_missing_is_nan_and_nothing_else_is_odd(spec, state):
    """No null, no infinity and no -0.0 leaves the feature set; stored columns have null, not NaN."""
    stored = spec.store(ROWS)
    assert not any(pa.compute.is_nan(c).true_count for c in stored.columns if pa.types.is_float32(c.type))
    for column in FeatureSet.load(spec, state)(stored).columns:
        values = column.to_numpy()
        assert column.null_count == 0
        assert not np.isinf(values).any()
        assert not np.signbit(values[values == 0]).any()


def test_the_state_is_the_same_bytes_for_any_order_split_and_merge(spec, state):
    """Shuffled rows in blocks of any size, merged in any order, fit to byte-identical JSON."""
    expected = json.dumps(state, sort_keys=True)
    random = np.random.default_rng(5)
    for size in (9, 150):
        rows = ROWS.take(pa.array(random.permutation(len(ROWS))))
        parts = [rows.slice(at, size) for at in range(0, len(rows), size)]
        assert json.dumps(spec.fit(gathered(spec, parts)), sort_keys=True) == expected


def test_a_state_without_rows_can_be_fitted(spec):
    """Without a single row every number is null and every fitted feature missing, but nothing breaks."""
    empty = FeatureSet.load(spec, spec.fit(spec.statistics()))
    found = empty(spec.store(ROWS))
    for name in ("z", "unit", "winsor", "shops", "days"):
        assert np.isnan(found.column(name).to_numpy()).all()
    assert not np.isnan(found.column("median__missing").to_numpy()).any()


def number(name: str) -> list[float | None]:
    """A column of the rows as Python floats; what is beyond ±2^126 is missing."""
    return [None if v is None or abs(v) >= 2**126 else float(v) for v in ROWS.column(name).to_pylist()]


def over(name: str, of: Callable[[float], float | None]) -> list[float | None]:
    """A function of every present value of a column."""
    return [None if v is None else of(v) for v in number(name)]


def lower_quantile(values: list[float | None], q: str) -> float:
    """The smallest value that at least a share q of the present ones does not exceed."""
    present = sorted(v for v in values if v is not None)
    return present[max(math.ceil(Fraction(q) * len(present)), 1) - 1]


def mean_and_deviation(values: list[float | None]) -> tuple[float, float]:
    """Of the present values as exact fractions."""
    present = [Fraction(v) for v in values if v is not None]
    mean = sum(present) / len(present)
    return float(mean), math.sqrt(sum(v**2 for v in present) / len(present) - mean**2)


def by_rank(values: list, longest: int = 4096, min_count: int = 1) -> list[float | None]:
    """The place of each value by falling count, then rising value."""
    counts = Counter(v for v in values if v is not None)
    ranked = sorted((v for v in counts if counts[v] >= min_count), key=lambda v: (-counts[v], v))[:longest]
    return [ranked.index(v) if v in ranked else None for v in values]


def test_stateless_features_follow_their_formulas(features):
    """Each is what plain Python makes of the row."""
    texts = {name: ROWS.column(name).to_pylist() for name in ("shop", "kind of", "born", "pieces", "here__kind")}
    joined = [None if None in row else "\x1f".join(map(str, row)) for row in zip(*texts.values(), strict=True)]
    placed = ROWS.column("placed").to_pylist()
    expected = {
        "one": [1.0] * len(ROWS),
        "weekday": [float(at.astimezone(ZoneInfo("Europe/Oslo")).isoweekday()) for at in placed],
        "present": number("gift"),
        "each": number("per_piece"),
        "expected": over("price", lambda x: x / 3),
        "log_amount": over("amount", lambda x: math.log1p(x) if x > -1 else None),
        "log_lead": [math.log1p(14 * 24)] * len(ROWS),
        "cut": over("amount", lambda x: min(max(x, -1.5), 1000)),
        "low": over("amount", lambda x: max(x, 0)),
        "grade": over("amount", lambda x: sum(edge <= x for edge in (-1, 0, 0.5, 100))),
        "filled": [-1.0 if v is None else v for v in number("pieces")],
        "filled__missing": [float(v is None) for v in number("pieces")],
        "route": [None if text is None else zlib.crc32(text.encode()) % 1024 for text in joined],
        "rates__rate": number("rates__rate"),
        "rates__level": number("rates__level"),
        "here__size": number("here__size"),
        "shelf": [
            None if None in pair else pair[0] * 2 + pair[1]
            for pair in zip(number("here__size"), number("pieces"), strict=True)
        ],
    }
    for name, values in expected.items():
        assert features[name] == bits(values), name


def test_fitted_features_follow_their_formulas(features):
    """Each is what plain Python makes of the row and of all rows."""
    amount, rate, pieces, price = (number(name) for name in ("amount", "rates__rate", "pieces", "price"))
    mean, deviation = mean_and_deviation(amount)
    median = lower_quantile(rate, "1/2")
    counts = Counter(v for v in pieces if v is not None)
    mode = min(counts, key=lambda v: (-counts[v], v))
    low, high = lower_quantile(amount, "0.01"), lower_quantile(amount, "0.99")
    quarters = {lower_quantile(amount, f"{part}/4") for part in (1, 2, 3)}
    least, most = (f(v for v in price if v is not None) for f in (min, max))
    kinds = [None if v is None else v.upper() for v in ROWS.column("here__kind").to_pylist()]
    expected = {
        "mean": [mean if v is None else v for v in amount],
        "median": [median if v is None else v for v in rate],
        "median__missing": [float(v is None) for v in rate],
        "mode": [mode if v is None else v for v in pieces],
        "winsor": over("amount", lambda x: min(max(x, low), high)),
        "z": over("amount", lambda x: (x - mean) / deviation),
        "unit": over("price", lambda x: (x - least) / (most - least)),
        "quarter": over("amount", lambda x: sum(edge <= x for edge in quarters)),
        "shops": by_rank(ROWS.column("shop").to_pylist(), 3),
        "kinds": by_rank(ROWS.column("kind of").to_pylist(), min_count=2),
        "numbers": by_rank(ROWS.column("pieces").to_pylist()),
        "amounts": by_rank(amount, 10),
        "days": by_rank(ROWS.column("born").to_pylist()),
        "prices": by_rank(ROWS.column("price").to_pylist()),
        "upper_kind": by_rank(["STRASSE" if v == "STRAßE" else v for v in kinds]),
    }
    for name, values in expected.items():
        assert features[name] == bits(values), name


def test_a_value_that_was_not_seen_has_no_rank(spec, state):
    """An unseen text is missing, alone and among many rows."""
    fitted = FeatureSet.load(spec, state)
    row = {**ROWS.slice(0, 1).to_pylist()[0], "shop": "elsewhere"}
    assert math.isnan(fitted.one(row)["shops"])


def test_a_machine_that_computes_otherwise_is_found_out(spec, state):
    """Where a golden row gives other bits than it did, loading fails and names feature, row and versions."""
    held = json.loads(json.dumps(state))
    held["golden"]["features"]["log_amount"][2] = 7.5
    with pytest.raises(PlaceFailure, match=r"other features .*: feature log_amount, golden row 2: .*7\.5.*numpy"):
        FeatureSet.load(spec, held)


def test_golden_rows_are_those_with_the_smallest_hashes(spec, state):
    """Which rows travel with the state follows from their keys alone."""
    order = np.argsort(key_hash(ROWS, ["id"]))[:8]
    expected = spec.store(ROWS.take(pa.array(order))).column("shop").to_pylist()
    assert state["golden"]["rows"]["shop"] == expected


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda s: s.update(format=2), "format 2 where this version reads 1"),
        (lambda s: s.pop("golden"), "no golden rows"),
        (lambda s: s["golden"]["rows"].pop("shop"), "golden rows of the feature state do not fit"),
        (lambda s: s["golden"]["rows"].update(shop=[1]), "golden rows of the feature state do not fit"),
        (lambda s: s["steps"].pop("z"), "nothing fits feature z"),
        (lambda s: s["steps"]["z"].update(of="price"), "nothing fits feature z"),
        (lambda s: s["steps"]["z"].update(mean="12"), "mean should be a number, found 12"),
        (lambda s: s["steps"]["z"].pop("deviation"), "deviation should be a number, found nothing"),
        (lambda s: s["steps"]["quarter"].update(edges=[3, 1]), "edges should be rising numbers"),
        (lambda s: s["steps"]["shops"].update(values="north"), "values should be a list"),
        (lambda s: s["steps"]["days"].update(values=["31.12."]), "values are not of type date32"),
        (lambda s: s.update(steps=[]), "nothing fits feature mean"),
    ],
)
def test_a_broken_state_is_refused(spec, state, edit, message):
    """A state that was edited, cut, or is of other features never computes anything."""
    held = json.loads(json.dumps(state))
    edit(held)
    with pytest.raises(DataFailure, match=message):
        FeatureSet.load(spec, held)


def test_a_single_row_must_be_whole(spec, state):
    """A single row without one of the inputs, or with a text for a number, is refused by name."""
    fitted = FeatureSet.load(spec, state)
    row = ROWS.slice(0, 1).to_pylist()[0]
    with pytest.raises(DataFailure, match="features need rates__rate: give them, as None"):
        fitted.one({name: value for name, value in row.items() if name != "rates__rate"})
    with pytest.raises(DataFailure, match="not of its column's type"):
        fitted.one({**row, "pieces": "two"})


def test_spec_and_set_can_be_sent_to_workers(spec, state, features):
    """Pickled and read back, both compute the same bits."""
    there = pickle.loads(pickle.dumps(spec))  # noqa: S301  # our own bytes
    fitted = pickle.loads(pickle.dumps(FeatureSet.load(spec, state)))  # noqa: S301
    assert there.digest == spec.digest
    assert columns(fitted(there.store(ROWS))) == features


def test_statistics_of_other_features_do_not_merge(spec, tmp_path):
    """Workers with different project files are told so."""
    other = compile_features(tmp_path, "  z: {fn: scale, of: price}\n").statistics()
    with pytest.raises(DataFailure, match="every worker must run the same project files"):
        spec.statistics().merge(other)


def digest(folder, features: str = FEATURES, model: str = MODEL, orders: str = ORDERS, rates: str = RATES) -> str:
    """The digest of the project with changed files."""
    project = load(folder, orders, rates, SHOPS, model % features)
    return FeatureSpec.compile(project, "big").digest


def test_the_digest_is_of_what_decides_the_stored_columns(spec, tmp_path):
    """Training, and what is learned of an input, leave the digest; expressions, joins, times and types change it."""
    assert digest(tmp_path) == spec.digest
    assert digest(tmp_path, model=MODEL.replace("rounds: 10", "rounds: 20")) == spec.digest
    assert digest(tmp_path, FEATURES.replace("shop, max: 3", "shop, max: 4")) == spec.digest
    assert digest(tmp_path, orders=ORDERS.replace("{type: date}", "{type: date}\n    more: {type: int}")) == spec.digest
    changed = {
        digest(tmp_path, FEATURES.replace("size * 2", "size * 3")),
        digest(tmp_path, FEATURES.replace("buckets: 1024", "buckets: 512")),
        digest(tmp_path, FEATURES.replace("upper(here.kind)", "lower(here.kind)")),
        digest(tmp_path, model=MODEL.replace("tolerance: 3h", "tolerance: 2h")),
        digest(tmp_path, model=MODEL.replace("days(7)", "days(6)")),
        digest(tmp_path, rates=RATES.replace("minutes(lag)", "minutes(lag + 1)")),
        digest(tmp_path, orders=ORDERS.replace("(12,2)", "(12,3)")),
    }
    assert len(changed - {spec.digest}) == 7


def faults(folder, features: str, model: str = MODEL, shops: str = SHOPS) -> str:
    """What is said of a project with these features and files."""
    project = load(folder, ORDERS, RATES, shops, model % features)
    with pytest.raises(SpecError) as found:
        FeatureSpec.compile(project, "big")
    return str(found.value)


def test_two_columns_of_one_name_are_refused(tmp_path):
    """The indicator of a feature and a column taken of a join may not have one name."""
    model = MODEL.replace("here:", "size:")
    features = "  size: {fn: impute, of: pieces, with: 0, indicator: true}\n  x: {take: size, columns: missing}\n"
    found = faults(tmp_path, features, model, SHOPS.replace("size:", "missing:"))
    assert "big.yaml:10: features.x: size__missing is put out by size too" in found


def test_a_name_that_xgboost_refuses_is_refused_at_once(tmp_path):
    """A joined column with < in its name cannot become a feature, and the message says what to do."""
    found = faults(tmp_path, '  x: {take: here, columns: "size<m2"}\n', shops=SHOPS.replace("size:", '"size<m2":'))
    assert "features.x: here__size<m2 has one of [ ] <, which XGBoost takes in no name; rename it" in found


def test_a_join_called_f_or_i_does_not_hide_a_stored_feature(tmp_path):
    """What a fitted step keeps of a join f or i cannot stand where a feature is stored."""
    model = MODEL.replace("here:", "f:")
    found = faults(tmp_path, "  size: amount\n  y: {fn: scale, of: f.size}\n", model)
    assert "features.size: size would be stored as f__size, which is a column already" in found
    model = MODEL.replace("here:", "i:")
    found = faults(tmp_path, "  size: {fn: scale, of: amount * 2}\n  y: {fn: scale, of: i.size}\n", model)
    assert "would keep its input as i__size, which is a column already" in found


def test_beyond_the_cap_the_state_comes_from_the_sample_and_says_so(spec, monkeypatch):
    """With more distinct values than are counted, ranks and quantiles are those of the sampled rows."""
    monkeypatch.setattr(value_counts, "CAP", 5)
    monkeypatch.setattr(value_counts, "SAMPLE", 100)
    steps = spec.fit(gathered(spec, [ROWS.slice(0, 150), ROWS.slice(150)]))["steps"]
    order = np.argsort(key_hash(ROWS, ["id"]))
    sampled = [v for v in ROWS.column("amount").take(pa.array(order)).to_pylist() if v is not None and abs(v) < 2**126]
    quarters = {lower_quantile(sampled[:100], f"{part}/4") for part in (1, 2, 3)}
    assert steps["quarter"]["edges"] == sorted(quarters)
    assert not steps["quarter"]["exact"]
    assert steps["quarter"]["present"] == len(sampled)
    assert steps["kinds"]["exact"]
