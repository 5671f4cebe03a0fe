"""A bundle is whole or refused, and writing it twice changes nothing."""

import json

import pytest

from headrace.failures import DataFailure
from headrace.learn import bundle

FEATURES = {"spec": "abc", "state": {"seats": {"value": 2.5}}}
CARD = {"made_from": {"train": {"rounds": 3}}, "created_at": "2013-11-01T00:00:00Z"}


def _write(folder, model=b'{"learner": {}}', card=CARD):
    return bundle.write_bundle(str(folder), model, FEATURES, card, "# late\n")


def test_a_bundle_is_read_back_as_it_was_written(tmp_path):
    """Model bytes, state and card come back, and only the finished folder is left."""
    written = _write(tmp_path)
    found = bundle.load_bundle(written.path)

    assert (found.model, found.features, found.card) == (b'{"learner": {}}', FEATURES, CARD)
    assert [path.name for path in tmp_path.iterdir()] == [written.id]


def test_writing_twice_leaves_the_first(tmp_path):
    """The same training at another time is the same bundle; its card keeps the first time."""
    first = _write(tmp_path)
    again = _write(tmp_path, card={**CARD, "created_at": "2014-01-01T00:00:00Z"})

    assert again == first
    assert len(list(tmp_path.iterdir())) == 1


def test_the_id_follows_model_and_settings(tmp_path):
    """Another model, or the same bytes from other settings, is another bundle."""
    ids = {
        _write(tmp_path).id,
        _write(tmp_path, model=b'{"learner": {"trees": 1}}').id,
        _write(tmp_path, card={**CARD, "made_from": {"train": {"rounds": 4}}}).id,
    }

    assert len(ids) == 3


@pytest.mark.parametrize("name", ["model.json", "features.json", "card.json", "card.md", "manifest.json"])
def test_half_a_bundle_is_refused_by_name(tmp_path, name):
    """A missing file and an altered one are each named, with the cure; nothing is loaded."""
    path = tmp_path / _write(tmp_path).id
    whole = (path / name).read_bytes()

    (path / name).write_bytes(whole[:-1] + b" ")
    if name != "manifest.json":  # a manifest with other white space says the same
        with pytest.raises(DataFailure, match=rf"half a bundle: {name} is not the file.*train again with --force"):
            bundle.load_bundle(str(path))
    (path / name).unlink()
    with pytest.raises(DataFailure, match=rf"half a bundle: {name} is missing.*train again with --force"):
        bundle.load_bundle(str(path))


def test_a_manifest_of_another_bundle_is_refused(tmp_path):
    """Digests that fit the files do not help when the id is not theirs."""
    path = tmp_path / _write(tmp_path).id
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**manifest, "id": "0" * 12}))

    with pytest.raises(DataFailure, match=r"manifest\.json is that of another bundle"):
        bundle.load_bundle(str(path))


def test_a_broken_bundle_is_replaced_by_training_again(tmp_path):
    """The cure that the message names works."""
    first = _write(tmp_path)
    (tmp_path / first.id / "model.json").write_bytes(b"")

    assert _write(tmp_path) == first


def test_the_live_bundle_is_the_one_current_names(tmp_path):
    """None at first, then the named one; naming it again changes nothing; a stray path is refused."""
    written = _write(tmp_path)

    assert bundle.live_bundle(str(tmp_path)) is None
    for _ in range(2):
        bundle.make_live(str(tmp_path), written.id)
        assert bundle.live_bundle(str(tmp_path)) == written
    (tmp_path / "current").write_text("../elsewhere\n")
    with pytest.raises(DataFailure, match="is no bundle's id"):
        bundle.live_bundle(str(tmp_path))
