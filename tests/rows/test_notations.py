"""Cells become exactly the values that are written, and the fast way never decides otherwise than the slow."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headrace.rows.cell_reader import cell_reader
from headrace.rows.number_notation import BoolNotation, DecimalNotation, DoubleNotation, IntNotation
from headrace.rows.parse_cells import failed, parse
from headrace.rows.time_notation import DateNotation, EpochNotation, TimestampNotation
from headrace.rules.zone import zone
from headrace.spec.data_set import Column

NEW_YORK, LISBON = zone("America/New_York"), zone("Europe/Lisbon")
NOTATIONS = [
    IntNotation(),
    DoubleNotation(),
    *(DecimalNotation(*size) for size in ((5, 2), (1, 0), (20, 0), (38, 0), (38, 10), (38, 18), (38, 38))),
    BoolNotation(),
    DateNotation(),
    TimestampNotation(),
    TimestampNotation(NEW_YORK),
    TimestampNotation(LISBON),
    *map(EpochNotation, ("s", "ms", "us", "ns")),
]

_digits = st.text("0123456789", max_size=45)
_sign = st.sampled_from(["", "-", "+"])
_number = st.one_of(
    st.from_regex(r"[+-]?[0-9]{0,4}\.?[0-9]{0,4}([eE][+-]?[0-9]{1,4})?", fullmatch=True),
    st.builds("{}{}".format, _sign, _digits),
    st.builds("{}{}.{}".format, _sign, _digits, _digits),
    st.integers(-(1 << 65), 1 << 65).map(str),
    st.floats().map(str),
    st.decimals(places=3, allow_nan=False, allow_infinity=False).map(str),
)
_WORDS = """nan inf -Infinity 0x10 -0x1 1_0 true FALSE t 1e400 1e-400 1e-99 9e99 5. .5 . - 1e 0e999 1e99999999999 1,5
9223372036854775808 -9223372036854775808 253402300799.9999999 253402300800 -62135596800 -62135596800.0000001
1331901000.000001"""
ODD = [*_WORDS.split(), "", " 5", "5 ", "\u0661", "\uff11", "9" * 200, "0" * 60 + "1"]
_odd = st.sampled_from(ODD)
_day = st.one_of(
    st.dates().map(str),
    st.builds("{:04d}-{:02d}-{:02d}".format, st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32)),
    st.sampled_from(["2013-03-10", "2013-11-03", "2013-03-31", "2013-10-27", "2012-02-29", "2013-02-29", "0001-01-01"]),
)
_clock = st.one_of(
    st.times().map(str),
    st.builds("{:02d}:{:02d}".format, st.integers(0, 25), st.integers(0, 61)),
    st.from_regex(r"0[0-3](:[0-6]0(:[0-6]0(\.[0-9]{0,11})?)?)?", fullmatch=True),
)
_time = st.builds(
    "{}{}{}{}".format,
    _day,
    st.sampled_from(["T", " ", "t", "T "]),
    _clock,
    st.sampled_from(["", "", "Z", "z", " Z", "+01", "-0500", "+05:30", "+24:00", "+1", "-00:60", "+23:59"]),
)
_cell = st.one_of(st.none(), _number, _odd, _day, _time, st.text(max_size=5).filter(lambda t: t.isprintable()))


@settings(max_examples=300, deadline=None)
@given(st.lists(_cell, max_size=8))
@example(["1e-2000000", "5"])  # Arrow's own decimal cast reads foreign memory here
@example(["9" * 200])  # and wraps around here
def test_what_a_cell_says_depends_on_no_other_cell(cells):
    """All at once or one by one, every notation gives every cell the same value, bit for bit."""
    assert_alike(cells)


@pytest.mark.parametrize("cell", ODD)
def test_an_odd_cell_alone_is_read_as_among_others(cell):
    """What Arrow's own casts would take, or choke on, is not taken either when a column holds nothing else."""
    assert_alike([cell])
    assert_alike([cell, None, "1", "2013-01-01"])


def assert_alike(cells):
    """Every notation reads the cells together as it does one by one."""
    texts = pa.array(cells, pa.string())
    for notation in NOTATIONS:
        together = parse(texts, notation)
        together.validate(full=True)
        one_by_one = pa.array([None if cell is None else notation.one(cell) for cell in cells], notation.arrow)
        assert together.equals(one_by_one), (notation, cells)
        assert list(map(repr, together.to_pylist())) == list(map(repr, one_by_one.to_pylist()))  # also the sign of zero


def read(cell, **column):
    """The value of one cell, the failure mark included."""
    texts = pa.array([cell])
    values = cell_reader(Column(**column), column.pop("decimal", "."))(texts)
    assert (failed(texts, values) is not None) == (values.null_count == 1)
    return values[0].as_py()


@pytest.mark.parametrize(
    ("type_", "cell", "value"),
    [
        ("int", "-007", -7),
        ("int", "9223372036854775807", (1 << 63) - 1),
        ("int", "9223372036854775808", None),
        ("int", "5.0", None),
        ("int", "+5", None),
        ("int", " 5", None),
        ("int", "0x10", None),
        ("int", "1_000", None),
        ("int", "\uff11", None),
        ("double", "1e3", 1000.0),
        ("double", "-.5", -0.5),
        ("double", "NaN", None),
        ("double", "1e400", None),
        ("double", "0x1p3", None),
        ("decimal(5,2)", "123.40", Decimal("123.40")),
        ("decimal(5,2)", "1.500", Decimal("1.50")),
        ("decimal(5,2)", "1.505", None),
        ("decimal(5,2)", "1234.5", None),
        ("decimal(5,2)", "12e1", Decimal("120.00")),
        ("decimal(38,38)", "96", None),
        ("bool", "TRUE", True),
        ("bool", "0", False),
        ("bool", "yes", None),
        ("string", "", ""),
        ("date", "2012-02-29", date(2012, 2, 29)),
        ("date", "2013-02-29", None),
        ("date", "0000-01-01", None),
        ("timestamp", "2013-01-01T10:00:00Z", datetime(2013, 1, 1, 10, tzinfo=UTC)),
        ("timestamp", "2013-01-01 10:00:00.1234569+01:00", datetime(2013, 1, 1, 9, 0, 0, 123456, tzinfo=UTC)),
        ("timestamp", "2013-01-01T10:00:00", None),
        ("timestamp", "2013-02-29T10:00:00Z", None),
        ("timestamp", "2013-01-01T10:00:60Z", None),
        ("timestamp", "2013-01-01T24:00:00Z", None),
        ("timestamp", "9999-12-31T23:59:59-01:00", None),
    ],
)
def test_a_cell_is_read_to_the_letter(type_, cell, value):
    """What other readers round, guess or let pass has no value here."""
    assert read(cell, type=type_) == value


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ({"zone": "America/New_York"}, "2013-01-01T05:00:00", "2013-01-01T10:00:00"),
        ({"zone": "America/New_York"}, "2013-01-01T05:00:00Z", "2013-01-01T05:00:00"),
        ({"zone": "America/New_York"}, "2013-01-01", "2013-01-01T05:00:00"),
        ({"zone": "America/New_York"}, "2013-03-10T02:30:00", None),
        ({"zone": "America/New_York"}, "2013-11-03T01:30:00", None),
        ({"format": "%d/%m/%Y %H:%M", "zone": "UTC"}, "1/2/2013 7:05", "2013-02-01T07:05:00"),
        ({"format": "%d/%m/%Y %H:%M", "zone": "UTC"}, "29/02/2013 07:05", None),
        ({"format": "%d/%b/%Y:%H:%M:%S %z"}, "01/Jan/2013:10:00:00 +0100", "2013-01-01T09:00:00"),
        ({"epoch": "s"}, "1357034400.5", "2013-01-01T10:00:00.500000"),
        ({"epoch": "s"}, "-0.0000001", "1969-12-31T23:59:59.999999"),
        ({"epoch": "ms"}, "1357034400500", "2013-01-01T10:00:00.500000"),
        ({"epoch": "us"}, "1357034400500000", "2013-01-01T10:00:00.500000"),
        ({"epoch": "ns"}, "1357034400500000999", "2013-01-01T10:00:00.500000"),
        ({"epoch": "s"}, "1357034400500", None),
        ({"epoch": "s"}, "9" * 30, None),
    ],
)
def test_a_time_is_read_as_the_column_says(column, cell, value):
    """By zone, format or unit; a time that no clock showed, or showed twice, has no value."""
    moment = read(cell, type="timestamp", **column)
    assert (moment and moment.isoformat().removesuffix("+00:00")) == value


def test_a_date_by_format_is_the_day_that_is_written():
    """Also where the format has a time of day, and before 1970."""
    assert read("31.12.1969 23:30", type="date", format="%d.%m.%Y %H:%M") == date(1969, 12, 31)


def test_a_decimal_comma_leaves_no_room_for_a_point():
    """`1.234,5` is not guessed at."""
    reader = cell_reader(Column(type="decimal(9,2)"), ",")
    assert reader(pa.array(["1,5", "1.5", "1.234,5", None, "7"])).to_pylist() == [
        Decimal("1.50"),
        None,
        None,
        None,
        Decimal("7.00"),
    ]


def test_json_numbers_are_read_like_their_text():
    """What Python writes into JSON is read back as it was."""
    values = [0.1, 1e22, -0.0, 5e-324, 1.7976931348623157e308]
    texts = pa.array([json.dumps(value) for value in values])
    assert list(map(repr, cell_reader(Column(type="double"))(texts).to_pylist())) == list(map(repr, values))
