"""Which rows repeat a key: the same for any blocks, buckets and order of arrival."""

from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.lake.data_files import DataFileWriter
from headrace.lake.repeats import find_repeats, keys_of, merged
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
        for bucket, found in keys_of(batch(keys), ["n", "t"], origin, buckets):
            by_bucket[bucket].append(found)
    found = merged(repeat for keys in by_bucket.values() for repeat in find_repeats(keys))

    seen, expected = set(before), {}
    for origin, keys in zip(origins, blocks, strict=True):
        places = [place for place, key in enumerate(keys) if key in seen or key in keys[:place]]
        seen |= set(keys)
        if places:
            expected[origin] = places
    assert {origin: places.tolist() for origin, places in found.items()} == expected


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
