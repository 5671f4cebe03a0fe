"""Folders that live as long as a run."""

import os
import time

import pytest

from headrace import storage


def test_a_scratch_folder_is_gone_after_the_block(tmp_path):
    """With what is in it, also after a failure; two at once are two."""
    with storage.scratch(str(tmp_path), "counts") as one, storage.scratch(str(tmp_path), "counts") as other:
        assert one != other
        storage.put(storage.join(one, "file"), b"1")
    with pytest.raises(KeyError), storage.scratch(str(tmp_path), "counts") as one:
        raise KeyError(one)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_run_left_is_removed_a_day_later(tmp_path):
    """A younger folder may be in use, and one of another name is none of ours."""
    old, young, other = (tmp_path / name for name in ("_counts-old", "_counts-young", "_fits-old"))
    for folder in (old, young, other):
        folder.mkdir()
    for folder in (old, other):
        os.utime(folder, (time.time() - 90_000,) * 2)
    with storage.scratch(str(tmp_path), "counts"):
        assert not old.exists()
    assert young.exists()
    assert other.exists()
