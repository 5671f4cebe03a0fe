"""Paths as the lake knows them."""

from headrace.lake import storage


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
