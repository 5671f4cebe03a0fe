"""Paths as the lake knows them."""

from headrace import storage
from headrace.storage import local


def test_many_paths_are_resolved_as_one_is(tmp_path, monkeypatch):
    """Links to files and to folders, relative and absolute spellings, and a bare name."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "raw")
    for name in ("a.csv", "b.csv"):
        (tmp_path / "raw" / name).write_text("1")
    (tmp_path / "raw" / "c.csv").symlink_to(tmp_path / "raw" / "a.csv")
    monkeypatch.chdir(tmp_path / "raw")
    paths = ["a.csv", "../raw/b.csv", "../link/b.csv", "../link/c.csv", f"{tmp_path}/link/../raw/a.csv", "gone.csv"]
    assert list(storage.resolved_each(paths)) == [storage.resolved(path) for path in paths]


def test_a_pattern_finds_what_is_finished(tmp_path, monkeypatch):
    """From the root, from here, into folders and by a whole name; sorted, without what is hidden or being written."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.csv", "a.csv", "_a.csv", ".a.csv", "c.csv.tmp", "_in/a.csv", "in/a.csv", "in/.in/a.csv", "d.csv/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    assert list(local.matching("*.csv")) == ["a.csv", "b.csv"]
    assert list(local.matching("**/*.csv*")) == ["a.csv", "b.csv", "in/a.csv"]
    assert list(local.matching("a.csv")) == ["a.csv"]
    monkeypatch.chdir("in")
    assert list(local.matching("../*/a.csv")) == ["../in/a.csv"]
    assert list(local.matching(f"{tmp_path}/i*/*")) == [f"{tmp_path}/in/a.csv"]
    assert list(local.matching("/et[c]/hosts")) == ["/etc/hosts"]
