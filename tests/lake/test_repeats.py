"""Which rows repeat a key: the same for any blocks, buckets and order of arrival."""

import itertools
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.lake.data_files import DataFileWriter
from headrace.lake.repeats import KeyColumns, find_repeats, keys_as_they_came, keys_of, merged, old_keys
from headrace.lake.snapshot import RowGroup
from headrace.lake.without_repeats import rows_at, without_repeats
from headrace.lake.written import Written
from headrace.rows.block import Origin

KEYS = st.lists(st.tuples(st.integers(-3, 3), st.sampled_from(["", "a", "b", "ä" * 40])), max_size=12)


def batch(keys):
    return pa.RecordBatch.from_pydict(
        {"n": pa.array([k[0] for k in keys], pa.int64()), "t": pa.array([k[1] for k in keys], pa.string())}
    )


@given(st.lists(KEYS, min_size=1, max_size=5), KEYS, st.integers(1, 7), st.randoms())
@settings(deadline=None)  # the first call loads what later ones have
def test_the_first_row_of_a_key_stays(blocks, before, buckets, random):
    """As a set of seen keys would say, read in the order of files; rows of the table come before all."""
    by_bucket = defaultdict(list)
    origins = [Origin(f"{n // 2}.csv", n % 2 * 100, n % 2 * 100 + 100) for n in range(len(blocks))]
    parts = [*zip(origins, blocks, strict=True), (None, before)]
    random.shuffle(parts)
    for origin, keys in parts:
        for bucket, found in keys_of(batch(keys), KeyColumns(("n", "t")), origin, buckets):
            by_bucket[bucket].append(found)
    found = merged(repeat for keys in by_bucket.values() for repeat in find_repeats(keys))

    seen, expected = set(before), {}
    for origin, keys in zip(origins, blocks, strict=True):
        places = [place for place, key in enumerate(keys) if key in seen or key in keys[:place]]
        seen |= set(keys)
        if places:
            expected[origin] = places
    assert {origin: places.tolist() for origin, places in found.items()} == expected


LATE = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([None, 0, 1, 2])), max_size=8)


@given(st.lists(LATE, min_size=1, max_size=4), st.lists(LATE, max_size=3), st.integers(1, 3), st.randoms())
@settings(deadline=None)
def test_the_latest_row_of_a_key_stays(blocks, groups, buckets, random):
    """As a look at all rows says, in the order table, files, lines; of equally late rows the first one stays."""
    key = KeyColumns(("id",), "at")
    origins = [Origin("a.csv", n, n + 1) for n in range(len(blocks))]
    rows = [(Origin("t", n, n + 1), p, *row) for n, group in enumerate(groups) for p, row in enumerate(group)]
    rows += [(origin, p, *row) for origin, block in zip(origins, blocks, strict=True) for p, row in enumerate(block)]
    kept = {}
    for origin, place, number, at in rows:
        if number not in kept or (-1 if at is None else at) > kept[number][0]:
            kept[number] = (-1 if at is None else at, origin, place)
    stays = {(origin, place) for _, origin, place in kept.values()}

    def ranked(block):
        columns = {"id": [i for i, _ in block], "at": [a for _, a in block]}
        return pa.RecordBatch.from_pydict(columns, schema=pa.schema([("id", pa.int64()), ("at", pa.int64())]))

    parts = [
        part
        for origin, block in zip(origins, blocks, strict=True)
        for part in keys_of(ranked(block), key, origin, buckets)
    ]
    for n, group in enumerate(groups):
        parts += old_keys(ranked(group), np.arange(len(group)), key, RowGroup("t", n, len(group)), buckets)
    random.shuffle(parts)
    by_bucket = defaultdict(list)
    for bucket, part in parts:
        by_bucket[bucket].append(part)
    found = {
        (repeats.origin, place)
        for part in by_bucket.values()
        for repeats in find_repeats(part)
        for place in repeats.places.tolist()
    }
    new = {number for origin, _, number, _ in rows if origin.file == "a.csv"}
    assert {(o, p) for o, p, number, _ in rows if (o, p) in found} == {
        (o, p) for o, p, number, _ in rows if (o, p) not in stays and (number in new or (o, p) in found)
    }


@pytest.fixture
def written(tmp_path):
    """A file of two blocks with 3 and 2 rows, and one of a single block."""
    files = []
    for name, blocks in (("a.csv", [[0, 1, 2], [3, 4]]), ("b.csv", [[5]])):
        origins = [Origin(name, 10 * n, 10 * n + 10) for n in range(len(blocks))]
        with DataFileWriter(str(tmp_path), batch([]).schema) as file:
            for rows in blocks:
                file.write(batch([(n, "x") for n in rows]))
            added = file.close()
        files.append(Written(added, tuple((o, len(rows)) for o, rows in zip(origins, blocks, strict=True))))
    return str(tmp_path), files


def test_files_with_repeats_are_written_anew(written):
    """Others stay as they are; a file of which nothing is left is left out."""
    root, files = written
    repeats = {
        Origin("a.csv", 0, 10): np.array([1]),
        Origin("a.csv", 10, 20): np.array([0, 1]),
        Origin("b.csv", 0, 10): np.array([0]),
    }
    (kept,) = without_repeats(root, files, repeats)
    assert kept.rows == ((Origin("a.csv", 0, 10), 2),)
    assert (kept.added.rows, kept.added.name) == (2, kept.added.name)
    assert kept.added.name != files[0].added.name
    told = rows_at(root, [kept], {Origin("a.csv", 0, 10): np.array([0, 1])}, ["n"], 5)
    assert [row["n"] for _, row in told] == [0, 2]
    assert without_repeats(root, files, {}) == files


ROWS = pa.schema([("_plan", pa.int64()), ("_file", pa.string()), ("_offset", pa.int64()), ("id", pa.int64())])


def test_rows_that_came_before_keep_their_turn():
    """Rows of quarantine repeat each other in the order of plans, files and lines, wherever they stand; topics last."""
    names = ("_plan", "_file", "_offset", "id")
    came = [(1, "a", 5, 7), (1, "a", 9, 7), (1, "b", 0, 8), (2, "a", 0, 7), (None, "t/0", 0, 8), (None, "t/1", 0, 9)]
    for turn in itertools.islice(itertools.permutations(range(6)), 0, 720, 37):
        shuffled = [came[n] for n in turn]
        blocks = {Origin(f"{n}.parquet", 0, 2): shuffled[2 * n : 2 * n + 2] for n in range(3)}
        keys = [
            part
            for origin, rows in blocks.items()
            for _, part in keys_as_they_came(
                pa.RecordBatch.from_pylist([dict(zip(names, row, strict=True)) for row in rows], ROWS),
                KeyColumns(("id",)),
                origin,
                1,
            )
        ]
        found = {blocks[repeat.origin][place] for repeat in find_repeats(keys) for place in repeat.places}
        assert found == {(1, "a", 9, 7), (2, "a", 0, 7), (None, "t/0", 0, 8)}
