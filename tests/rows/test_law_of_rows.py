"""Law 2: what becomes of a row depends on that row alone; and law 1: every line goes one way."""

from hypothesis import given, settings
from hypothesis import strategies as st
from rows.built import block, data_set, outcome

from headrace.rows.check import Checker

LIMIT = 120
HEADER = ("n", "x", "p", "b", "s", "d", "t", "f", "e")
COLUMNS = {
    "n": {"type": "int", "min": "-5", "max": "1000"},
    "x": {"type": "double", "max": "1e6"},
    "p": {"type": "decimal(6,2)"},
    "b": "bool",
    "s": {"type": "string", "regex": "^[^Z]*$", "required": True},
    "d": "date",
    "t": {"type": "timestamp", "zone": "America/New_York"},
    "f": {"type": "timestamp", "format": "%d/%m/%Y %H:%M:%S", "zone": "UTC"},
    "e": {"type": "timestamp", "epoch": "s"},
}
SECTIONS = {
    "clean": {"s": "upper(trim(s))", "n": "coalesce(n, x)"},
    "derive": {"later": "t + hours(n)", "ratio": "x / n"},
    "rules": {"order": "d <= '2013-06-01'", "later": "later > t", "sum": "n + x < 500"},
    "key": ["s"],
}
CSV = Checker(data_set(COLUMNS, source={"nulls": ["", "NA"], "line": {"max_bytes": LIMIT}}, **SECTIONS))
JSON = Checker(data_set(COLUMNS, source={"format": "jsonl", "line": {"max_bytes": 2 * LIMIT}}, **SECTIONS))

# Per column: cells that are right, then cells that are odd, wrong, or right only at second sight.
_CELLS = [
    (["1", "7", ""], ["-5", "007", "0x1", "1.0", "9" * 20, "1001", "NA"]),
    (["1.5", "2", ""], ["-0.0", "1e400", "nan", ".5", "1e-400", "x", "499"]),
    (["1.50", ""], ["1.500", "1.505", "9999.99", "10000", "1e-99", "5."]),
    (["true", "0", ""], ["FALSE", "yes"]),
    (["a", " b ", "\u00e9"], ["z", "\ufeff", "NA", "", "0" * 130]),
    (["2013-01-01", ""], ["2013-02-29", "2014-01-01"]),
    (["2013-01-01T10:00:00", ""], ["2013-01-01 10:00Z", "2013-03-10T02:30:00", "2013-11-03 01:30", "2013-01-01", "10"]),
    (["01/02/2013 10:00:00", ""], ["1/2/2013 1:0:0", "29/02/2013 00:00:00"]),
    (["1357034400", "1357034400.5"], ["1357034400.1234567", "9" * 30, "-1e2", ""]),
]
_cells = st.tuples(*(st.sampled_from(right * 12 + odd) for right, odd in _CELLS))
_garbage = st.binary(max_size=20).map(lambda line: line.replace(b"\n", b""))
_dirt = st.sampled_from([b"", b"\xff", b"\0", b"\r", b'"', b",", b"\xef\xbb\xbf", b"x" * LIMIT])


def _as_csv(cells, *, quoted):
    return ",".join(f'"{cell}"' if quoted else cell for cell in cells).encode()


def _as_json(cells, *, quoted):
    pairs = zip(HEADER, cells, strict=True)
    plain = ("n", "x", "e")  # written as they are, whether that is JSON or not
    return (
        "{"
        + ", ".join(
            f'"{name}": {cell or "null"}' if name in plain and not quoted else f'"{name}": "{cell}"'
            for name, cell in pairs
        )
        + "}"
    ).encode()


def _files(write):
    row = st.builds(lambda cells, quoted: write(cells, quoted=quoted), _cells, st.booleans())
    dirty = st.builds(lambda line, dirt, at: line[:at] + dirt + line[at:], row, _dirt, st.integers(0, 80))
    line = st.integers(0, 9).flatmap(lambda n: {0: _garbage, 1: dirty}.get(n, row))
    lines = st.lists(st.tuples(line, st.sampled_from([b"\n", b"\n", b"\r\n"])).map(b"".join), min_size=1, max_size=12)
    return st.tuples(lines, st.booleans()).map(
        lambda file: file[0] if file[1] else [*file[0][:-1], file[0][-1].removesuffix(b"\n") or b"x"]
    )


def _split(checker, header, lines, cuts):
    """The outcome of a file's lines in blocks that end after the given lines."""
    stops = sorted({*(cut for cut in cuts if cut < len(lines)), len(lines)} - {0})
    parts, offset = [], 0
    for start, stop in zip([0, *stops], stops, strict=False):
        data = b"".join(lines[start:stop])
        parts.append(checker.split(block(data, header, offset)))
        offset += len(data)
    return outcome(parts)


def _holds(checker, header, lines, cuts):
    whole = _split(checker, header, lines, [])
    assert whole.read == len(lines)
    assert _split(checker, header, lines, cuts) == whole
    assert _split(checker, header, lines, range(len(lines))) == whole
    offsets = {str(sum(map(len, lines[:n]))): line for n, line in enumerate(lines)}
    seen = [row["_offset"] for row in (*whole.accepted, *whole.quarantined)]
    assert sorted(seen) == sorted(offsets)
    for row in whole.quarantined:
        line = offsets[row["_offset"]]
        assert row["raw"] == repr(line.removesuffix(b"\n").removesuffix(b"\r") if line.endswith(b"\n") else line)


_cuts = st.lists(st.integers(1, 11), max_size=4)


@settings(max_examples=80, deadline=None)
@given(_files(_as_csv), _cuts)
def test_csv_rows_do_not_depend_on_their_block(lines, cuts):
    """Any split of a CSV file, down to single lines, gives the same rows, quarantine and counts; none is lost."""
    _holds(CSV, HEADER, lines, cuts)


@settings(max_examples=80, deadline=None)
@given(_files(_as_json), _cuts)
def test_json_rows_do_not_depend_on_their_block(lines, cuts):
    """The same holds for JSON lines."""
    _holds(JSON, (), lines, cuts)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(['"', "'", ""]), st.sampled_from([",", "\t", " ", "x"]))
def test_any_bytes_are_accounted_for(data, quote, delimiter):
    """Whatever the bytes and the dialect, nothing is raised and read = accepted + quarantined."""
    columns = {"a": "int", "b": "string"}
    csv = data_set(columns, source={"quote": quote, "delimiter": delimiter, "line": {"max_bytes": 50}})
    json = data_set(columns, source={"format": "jsonl", "line": {"max_bytes": 50}})
    lines = data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
    for checker, header in ((Checker(csv), ("a", "b")), (Checker(json), ())):
        assert outcome([checker.split(block(data, header))]).read == lines
