"""Law 6: what may become known after predict_at is refused, with the cure."""

import pytest

from headrace.features.feature_set import FeatureSpec
from headrace.spec.faults import SpecError
from lib.trade import MODEL, ORDERS, RATES, SHOPS, load

TRIPS = """\
dataset: trips
source: {format: csv, path: raw/trips.csv}
key: [id]
time: start
derive:
  start: hour + minutes(minute)
  pace: length / spent
  odd: coalesce(weight, 1)
clean: {code: "coalesce(code, note)"}
contract:
  columns:
    id: {type: int, required: true}
    hour: {type: timestamp, required: true, min: 2020-01-01, max: 2030-01-01}
    minute: {type: int, required: true, min: 0, max: 59}
    shown: {type: timestamp, required: true}
    late: {type: int, required: true, min: -120, max: 2000}
    lead: {type: int, required: true, in: ["30", "45", "60"]}
    share: {type: "decimal(5,2)", required: true, min: "0.5", max: "1.5"}
    loose: {type: int, required: true}
    maybe: {type: int, min: 0, max: 10}
    length: {type: double}
    spent: {type: double}
    weight: {type: double}
    day: {type: date, required: true, max: 2019-12-31}
    note: {type: string}
    code: {type: string}
    x: {type: int}
known:
  begun: {at: "start", columns: [id, hour, minute, start, length, code]}
  under_test: {at: "%s", columns: [x, spent]}
  noted: {at: start + days(9), columns: [note]}
"""
TRIP = """\
model: trip
rows: trips
predict_at: %s
label: {from: trips, on: key, value: x > 1}
joins: {}
features:
  f: %s
split: {train: [2024-01-01, 2024-02-01], valid: [2024-02-01, 2024-03-01]}
train: {objective: "binary:logistic", rounds: 10}
"""


def said(folder, known: str, predict_at: str = "start", feature: str = "x", where: str = "features.f:") -> str:
    """What the guard says of a feature of `x`, known at that time, or nothing."""
    project = load(folder, TRIPS % known, TRIP % (predict_at, feature))
    try:
        FeatureSpec.compile(project, "trip")
    except SpecError as error:
        return "\n".join(line for line in str(error).split("\n") if where in line)
    return ""


@pytest.mark.parametrize(
    ("known", "predict_at"),
    [
        ("start", "start"),
        ("start - days(30)", "start"),
        ("hour", "start"),  # minute is at least 0
        ("start - hours(2)", "hour"),  # and at most 59
        ("hour + minutes(minute)", "start"),  # start is just that
        ("start + minutes(late)", "start + minutes(2000)"),
        ("start + minutes(late)", "start + minutes(late) + minutes(1)"),  # late falls out
        ("start - minutes(-late)", "start + hours(34)"),
        ("start + minutes(2 * late - late)", "start + minutes(late)"),
        ("start + minutes(lead)", "start + hours(1)"),  # the largest of `in`
        ("start - minutes(lead)", "start - minutes(30)"),
        ("start + hours(share)", "start + minutes(90)"),
        ("start + hours(share * 2)", "start + minutes(180)"),
        ("start + minutes(late / 2)", "start + minutes(1001)"),
        ("start + minutes(coalesce(maybe, 20))", "start + minutes(20)"),
        ("start + minutes(coalesce(lead, late))", "start + minutes(60)"),  # lead is never null
        ("start + minutes(maybe)", "start + minutes(maybe)"),  # null together
        ("start + minutes(maybe)", "start + minutes(maybe + 10)"),
        ("start + minutes(abs(late))", "start + minutes(abs(late)) + days(1)"),  # not understood, but the same
        ("shown", "shown"),
        ("day + hours(3)", "hour"),  # by the limits of both
        ("start", "start + (shown - shown)"),
        ("start", "start + minutes(60 - lead)"),
    ],
)
def test_what_is_known_in_time_may_be_used(tmp_path, known, predict_at):
    """Proven by limits of the contract, by what both times share, or by both."""
    assert said(tmp_path, known, predict_at) == ""


@pytest.mark.parametrize(
    ("known", "predict_at", "why"),
    [
        ("start + minutes(late)", "start", "it can be as much as 1 day, 9:20:00 too late"),
        ("start", "start - hours(2)", "it can be as much as 2:00:00 too late"),
        ("start", "hour", "it can be as much as 0:59:00 too late"),
        ("start + minutes(lead)", "start + minutes(59)", "it can be as much as 0:01:00 too late"),
        ("start + minutes(late / 7)", "start + minutes(2000 / 7)", "it can be as much as 0:00:00.000002 too late"),
        ("start", "start - minutes(late)", "1 day, 9:20:00 too late"),
        ("start + minutes(loose)", "start + days(900)", "nothing limits loose"),
        ("shown", "start + days(900)", "nothing limits shown"),
        ("start + minutes(late * lead)", "start + days(900)", "nothing limits late * lead"),
        ("start + minutes(maybe)", "start + days(900)", "maybe may be null, and a null known time means never"),
        ("start + minutes(10 / lead)", "start + days(900)", "10 / lead may be null"),
        ("start + minutes(coalesce(maybe, maybe))", "start + days(900)", "maybe may be null"),
        ("parse_time(note, '%Y-%m-%d', 'UTC')", "start", "note, parse_time(note, '%Y-%m-%d', 'UTC') may be null"),
    ],
)
def test_what_may_be_known_too_late_is_refused(tmp_path, known, predict_at, why):
    """The message has the line, the feature, both times, by how much or what is missing, and what to do."""
    found = said(tmp_path, known, predict_at)
    assert "trip.yaml:7: features.f: x becomes known at " in found
    assert f"x becomes known at {known} (trips: known.under_test), and predict_at is {predict_at}: " in found
    assert why in found
    assert "must not read the future: leave it out, or predict later" in found


def test_a_column_without_a_known_time_cannot_be_an_input(tmp_path):
    """There is no default, and the message says where to declare it."""
    found = said(tmp_path, "start", feature="weight")
    assert "features.f: weight has no known time in data set trips" in found
    assert "list weight under known in trips" in found


def test_a_derived_column_is_known_with_the_last_of_its_inputs(tmp_path):
    """Here pace needs spent, which comes late; odd needs weight, which has no known time; start is listed itself."""
    assert "pace becomes known at start + days(1)" in said(tmp_path, "start + days(1)", feature="pace")
    assert said(tmp_path, "start - days(1)", feature="pace") == ""
    assert "odd is made of weight, which has no known time" in said(tmp_path, "start", feature="odd")


def test_a_cleaned_column_is_known_with_what_repairs_it(tmp_path):
    """Here code is known in time, but it is repaired by note, which is not."""
    found = said(tmp_path, "start", feature="{fn: vocabulary, of: code}")
    assert "code becomes known at start + days(9) (trips: known.noted)" in found


def test_every_fault_is_told_at_once_and_predict_at_is_guarded_too(tmp_path):
    """predict_at may itself not read what is known later than it says."""
    found = said(tmp_path, "start + hours(1)", "start + minutes(x * 0)", feature="x + weight", where="")
    assert "predict_at: x becomes known at" in found
    assert "features.f: x becomes known at" in found
    assert "features.f: weight has no known time" in found


def trade(folder, features: str, rates: str = RATES, shops: str = SHOPS, orders: str = ORDERS) -> str:
    """What is said of a model with joins."""
    project = load(folder, orders, rates, shops, MODEL % features)
    try:
        FeatureSpec.compile(project, "big")
    except SpecError as error:
        return str(error)
    return ""


def test_a_joined_column_needs_a_known_time_and_no_proof(tmp_path):
    """As-of joins look up what was known, row by row; without a known time there is nothing to look up by."""
    assert trade(tmp_path, "  x: rates.rate\n") == ""
    found = trade(tmp_path, "  x: rates.rate\n  y: rates.level\n", RATES.replace("[rate, level]", "[level]"))
    assert "big.yaml:9: features.x: rates.rate has no known time: list rate under known in rates" in found
    assert "features.y" not in found


def test_a_look_up_needs_a_table_that_never_changes(tmp_path):
    """Without as_of the side must be declared always known."""
    shops = SHOPS.replace("known: always", "known: {}")
    found = trade(tmp_path, "  x: amount\n", shops=shops)
    assert "big.yaml:7: joins.here: shops is looked up by key alone, but its rows become known over time" in found
    assert "add as_of" in found
    assert "known: always" in found


def test_what_rows_are_joined_by_is_an_input(tmp_path):
    """A join key that is known too late, or at no declared time, is refused at the join."""
    orders = ORDERS.replace("[id, placed, shop, ", "[id, placed, ")
    found = trade(tmp_path, "  x: amount\n", orders=orders)
    assert "joins.rates.on: shop has no known time in data set orders" in found


def test_a_label_of_unknown_age_is_refused(tmp_path):
    """Without a known time nobody could tell which labels a model may learn from, so there is no default."""
    orders = ORDERS.replace("kind of, amount, pieces", "kind of, pieces")
    found = trade(tmp_path, "  x: pieces\n", orders=orders)
    assert "label.value: amount has no known time in data set orders" in found
    assert "list amount under known in orders" in found
