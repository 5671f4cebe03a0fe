"""Objects as the one place that touches paths gives them: as files of a folder, with the store's own promises."""

import errno
import gzip
import hashlib
import io
import itertools
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import fastavro
import obstore
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from obstore.exceptions import GenericError

from headrace import storage
from headrace.failures import DataFailure, PlaceFailure
from headrace.rows.cut import cut
from headrace.rows.damaged import Damaged
from headrace.rows.read_blocks import read_blocks
from headrace.spec.project import parse_data_set
from headrace.storage import local, object_file, objects, reach

NAMES = [
    *("a.csv", "b.csv", "_a.csv", ".a.csv", "c.csv.tmp", "d.txt", "x-1.csv"),
    *("in/a.csv", "in/_in/a.csv", "_in/a.csv", "in/.in/a.csv", "in/deep/a.csv", "in/deep/er/b.csv"),
    *("day=1/shop=a/x.csv", "day=1/shop=b/x.csv", "day=2/shop=a/y.csv", "a b%2F ü+~#.csv"),
]
PATTERNS = [
    *("*.csv", "**/*.csv", "in/**/*.csv", "*/a.csv", "day=*/shop=*/*.csv", "a.csv", "in/a.csv", "none.csv"),
    *("[ax]*.csv", "[!a]*.csv", "?.csv", "**/deep/**/*", "day=1/*/*", "x-[0-9].csv", "*", "no/*.csv", "a b*"),
]


@pytest.fixture
def tree(store, tmp_path):
    """The same names in a folder and on a store."""
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
        storage.put(f"{store}/raw/{name}", name.encode())
    return tmp_path


def test_a_pattern_finds_the_same_as_in_a_folder(tree, store):
    """Every pattern, with the sizes; hidden and unfinished ones are left alone in both."""
    for pattern in PATTERNS:
        there = storage.delivered(f"{store}/raw/{pattern}").complete
        found = {path.removeprefix(f"{store}/raw/"): status.size for path, status in there}
        here = [str(Path(path).relative_to(tree)) for path in local.matching(f"{tree}/{pattern}")]
        assert found == {name: len(name.encode()) for name in here}, pattern
        assert [path for path, _ in there] == sorted(path for path, _ in there)


def test_calls_mean_the_same_as_in_a_folder(tree, store):
    """Names, listings, folders, contents, statuses of what is there and of what is not."""
    for root in (f"{store}/raw", str(tree)):
        assert storage.names(storage.join(root, "day=1")) == ["shop=a", "shop=b"]
        assert storage.names(storage.join(root, "in")) == [".in", "_in", "a.csv", "deep"]
        assert storage.names(storage.join(root, "nowhere")) == []
        assert [(e.name, e.size) for e in storage.listing(storage.join(root, "in"))] == [("a.csv", 8)]
        assert storage.is_folder(storage.join(root, "day=1"))
        assert not storage.is_folder(storage.join(root, "day="))
        assert storage.read(storage.join(root, "in/a.csv")) == b"in/a.csv"
        assert storage.read(storage.join(root, "in/none")) is storage.status(storage.join(root, "in/none")) is None
        storage.put_folder(storage.join(root, "bundle"), {"model": b"1", "manifest": b"2"})
        assert storage.names(storage.join(root, "bundle")) == ["manifest", "model"]
        with storage.scratch(root, "counts") as scratch:
            storage.put(storage.join(scratch, "x"), b"1")
        storage.remove_folder(storage.join(root, "in"))
        assert not storage.is_folder(storage.join(root, "in"))
        storage.remove_folder(storage.join(root, "in"))
        assert [name for name in storage.names(root) if name.startswith("_counts")] == []


def test_of_eight_that_write_at_once_one_is_first(store):
    """Whatever the moment: one is told that it was, and what it wrote stands there."""
    for round_ in range(5):
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(partial(_put_number, f"{store}/{round_}"), range(8)))
        assert won.count(True) == 1
        assert storage.read(f"{store}/{round_}") == b"%d" % won.index(True)


def _put_number(path, number):
    return storage.put_if_absent(path, b"%d" % number)


def test_a_file_is_read_from_anywhere_and_from_one_content_only(store, double, monkeypatch):
    """Seeking reads what a file would give; an object that is replaced meanwhile is refused, not mixed."""
    content = os.urandom(5_000_000)
    storage.put(f"{store}/big", content)
    asked = len(double.asked())
    with storage.open_file(f"{store}/big") as file:
        for start, size in ((4_999_990, 100), (0, 10), (1_000, 3_000_000), (5_000_000, 1), (2_000_000, 0)):
            file.seek(start)
            assert file.read(size) == content[start : start + size]
        assert file.seek(0, os.SEEK_END) == len(content)
        assert len(double.asked()) - asked <= 5
        monkeypatch.setattr(object_file, "_MOST", 1 << 20)
        file.seek(10)
        assert file.read(4_500_000) == content[10:4_500_010]
        storage.put(f"{store}/big", content[::-1])
        file.seek(1_000_000)
        with pytest.raises(DataFailure, match="big: the object was replaced or removed while it was read"):
            file.read(2_000_000)
    storage.put(f"{store}/empty", b"")
    with storage.open_file(f"{store}/empty") as file:
        assert file.read() == b""
    with storage.open_file(f"{store}/none") as file, pytest.raises(FileNotFoundError):
        file.read(1)


def test_a_new_file_is_there_when_it_is_finished(store):
    """Not before, and not at all when it was given up; also one that takes many parts to upload."""
    for end, expected in (("abandon", None), ("finish", 12_000_000)):
        file = storage.create(f"{store}/{end}")
        file.sink.write(b"x" * 12_000_000)
        assert storage.status(f"{store}/{end}") is None
        getattr(file, end)()
        found = storage.status(f"{store}/{end}")
        assert (found and found.size) == expected


def test_a_disk_that_is_full_is_told_as_the_one_of_drafts(store, monkeypatch):
    """Objects are written on this machine's disk first."""

    class Full(io.BytesIO):
        def write(self, _content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    file = storage.create(f"{store}/x")
    with pytest.raises(PlaceFailure, match=r"TMPDIR.*No space left on device.*free some"):
        file.sink.write(b"1")
    file.abandon()
    assert storage.status(f"{store}/x") is None


def test_a_store_that_writes_over_what_is_there_is_refused(store, monkeypatch):
    """Before the first table is made: without the condition commits of two runs would undo each other."""
    storage.make_folder(f"{store}/lake")
    real = obstore.put
    monkeypatch.setattr(obstore, "put", lambda *asked, **_: real(*asked))
    with pytest.raises(PlaceFailure, match="writes over an object"):
        storage.make_folder(f"{store}/lake")
    assert storage.names(f"{store}/lake") == []


@pytest.mark.parametrize(
    ("env", "uri", "told"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "{store}/x", "127.0.0.1:9 does not answer.*set AWS_ENDPOINT_URL"),
        ({"AWS_ALLOW_HTTP": "false"}, "{store}/x", "AWS_ALLOW_HTTP=true"),
        ({}, "s3://nowhere/lake/x", "has no bucket nowhere; make it"),
        ({}, "hdfs://name/lake/x", "no object store is reached by hdfs://name; known are s3"),
    ],
)
def test_a_store_that_is_not_there_is_told_with_its_cure(store, monkeypatch, env, uri, told):
    """Within seconds, with the variable to set, and nothing of a secret."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    for call in (storage.read, storage.make_folder, lambda path: storage.put_if_absent(path, b"")):
        with pytest.raises(PlaceFailure, match=told) as failed:
            call(uri.format(store=store))
        assert "secret" not in str(failed.value)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (
            "403 Forbidden: <?xml version='1.0'?><Error><Code>InvalidAccessKeyId</Code>",
            "refuses.*InvalidAccessKeyId.*AWS_A",
        ),
        ("Error performing PUT http://169.254.169.254/latest/api/token", "no credentials.*set AWS_ACCESS_KEY_ID"),
        (
            "400 Bad Request: <?xml version='1.0'?><Error><Code>ExpiredToken</Code>",
            "refuses.*ExpiredToken.*AWS_SESSION_TOKEN",
        ),
        ("Received redirect without LOCATION, this normally indicates an incorrectly configured region", "AWS_REGION"),
    ],
)
def test_what_a_real_store_refuses_is_told_with_its_cure(fault, told):
    """The double lets everybody in, so these are the words of AWS as the library passes them on."""
    with pytest.raises(PlaceFailure, match=told), reach.reaching_store("s3://lake/x"):
        raise OSError(fault)


def test_marks_of_folders_are_no_files_and_odd_keys_are_named(store, raw_client):
    """What consoles leave behind is passed over; a key that no path can have is told, not passed over."""
    bucket = store.removeprefix("s3://")
    for key in ("raw/in/", "raw/in/a.csv"):
        raw_client.put_object(Bucket=bucket, Key=key, Body=b"" if key.endswith("/") else b"1")
    assert [path for path, _ in storage.delivered(f"{store}/raw/**/*").complete] == [f"{store}/raw/in/a.csv"]
    raw_client.put_object(Bucket=bucket, Key="raw/in/../b.csv", Body=b"1")
    with pytest.raises(DataFailure, match="no path"):
        storage.delivered(f"{store}/raw/**/*")


@pytest.mark.parametrize("kind", ["parquet", "avro", "csv.gz", "csv"])
def test_what_a_store_refuses_is_never_taken_for_damage(store, monkeypatch, kind):
    """Whichever request fails, a file is not quarantined for it; nor where another takes its place meanwhile."""
    form, header = kind.partition(".")[0], ("id", "text")
    data = parse_data_set(WORDS.format(form=form, uri=f"{store}/raw/*"), "words.yaml").value
    path = f"{store}/raw/a.{kind}"
    storage.put(path, words(kind))
    real = obstore.get
    monkeypatch.setattr(objects, "_AHEAD", 1 << 16)

    def read(fail, how):
        count = itertools.count(1)

        def get(*asked, **more):
            if next(count) == fail:
                how()
            return real(*asked, **more)

        monkeypatch.setattr(obstore, "get", get)
        (start, end), *_ = cut(path, data).ranges
        blocks = [*read_blocks(path, path, start, end, data.source, header=header)]
        assert not any(block.refused for block in blocks)
        return next(count) - 1

    def down():
        raise GenericError("Generic S3 error: Error performing GET … 503")

    def replaced():
        storage.put(path, b"another")

    requests = read(0, down)
    assert requests >= 3
    for fail in range(1, requests + 1):
        with pytest.raises(PlaceFailure, match="does not answer"):
            read(fail, down)
    with pytest.raises(DataFailure, match="replaced or removed") as failed:
        read(requests, replaced)
    assert not isinstance(failed.value, Damaged)


WORDS = """
dataset: words
source: {{format: {form}, path: {uri}}}
contract: {{columns: {{id: {{type: int}}, text: {{type: string}}}}}}
known: always
"""


def words(kind):
    """Some hundred kilobytes that no compression makes small."""
    rows = [{"id": n, "text": hashlib.sha512(b"%d" % n).hexdigest()} for n in range(4_000)]
    file = io.BytesIO()
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=1_000, use_dictionary=False)
    elif kind == "avro":
        fields = [{"name": "id", "type": "long"}, {"name": "text", "type": "string"}]
        fastavro.writer(file, {"type": "record", "name": "row", "fields": fields}, rows)
    else:
        text = "id,text\n" + "".join(f"{row['id']},{row['text']}\n" for row in rows)
        file.write(gzip.compress(text.encode()) if kind == "csv.gz" else text.encode())
    return file.getvalue()
