"""Place files: where things run, with variables from the environment."""

from pathlib import Path

import pytest

from headrace.spec.faults import SpecError
from headrace.spec.place import Place
from headrace.spec.project import load_place

PLACES = Path(__file__).parents[2] / "conf" / "places"


def written(tmp_path, text):
    """A place file with that text."""
    path = tmp_path / "place.yaml"
    path.write_text(text)
    return str(path)


def test_without_a_file_everything_is_local():
    """The defaults are the laptop's."""
    place = load_place(None)
    assert place == Place()
    assert (place.place, place.roots.lake, place.beam.runner, place.spark.master) == (
        "local",
        "lake",
        "FnApiRunner",
        "local[*]",
    )


@pytest.mark.parametrize("path", sorted(PLACES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_places_we_ship_are_right(path, monkeypatch):
    """With the variables set that they ask for, each loads."""
    for name in (
        *(
            "HEADRACE_ROOT",
            "HEADRACE_BUCKET",
            "HEADRACE_IMAGE",
            "HEADRACE_CLAIM",
            "HEADRACE_PYTHON",
            "SPARK_MASTER",
            "FLINK_MASTER",
        ),
        *("GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_REGION"),
    ):
        monkeypatch.setenv(name, "x")
    assert load_place(str(path)).roots.reports == "reports"


def test_variables_are_replaced_in_every_value(tmp_path, monkeypatch):
    """Also inside text, several in one, in flags, with defaults; never in keys, never twice."""
    monkeypatch.setenv("BUCKET", "s3://${NOT_READ_AGAIN}")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("YES", "true")
    place = load_place(
        written(
            tmp_path,
            "place: cloud\n"
            "roots: {lake: '${BUCKET}/${EMPTY:-lake}'}\n"
            "spark:\n"
            "  shared: ${YES}\n"
            "  conf: {'${BUCKET}': '$${x}', a: '${NONE:-}', b: '$5 {x}'}\n",
        )
    )
    assert place.roots.lake == "s3://${NOT_READ_AGAIN}/lake"
    assert place.spark.shared is True
    assert place.spark.conf == {"${BUCKET}": "${x}", "a": "", "b": "$5 {x}"}


def test_faults_of_a_place_come_at_once(tmp_path, monkeypatch):
    """Missing variables are told by name, beside what else is wrong."""
    monkeypatch.delenv("NOT_SET", raising=False)
    path = written(
        tmp_path,
        "place: my place\n"
        "roots: {lake: '${NOT_SET}/lake', modles: x}\n"
        "beam:\n"
        "  options: {a: '${1}', b: {c: d}}\n"
        "spark: {shared: yes}\n",
    )
    with pytest.raises(SpecError) as error:
        load_place(path)
    assert [line.removeprefix(path) for line in str(error.value).splitlines()] == [
        ":1: place: 'my place' is no name; a name is a letter, then letters, digits and _, 63 at most",
        ":2: roots.lake: the environment variable NOT_SET is not set; set it, or write ${NOT_SET:-default}",
        ":2: roots.modles: no such key; did you mean models?",
        ":4: beam.options.a: a variable is written ${NAME} or ${NAME:-default}; write $${ where ${ itself is meant",
        ":4: beam.options.b: expected a list; found a mapping",
        ":5: spark.shared: 'yes' is neither true nor false",
    ]


def test_a_place_that_is_not_there(tmp_path):
    """The path is told."""
    with pytest.raises(SpecError, match=r"nowhere\.yaml: No such file or directory"):
        load_place(str(tmp_path / "nowhere.yaml"))


def test_options_have_one_value_or_several(tmp_path):
    """As `--experiments` is given more than once on a command line."""
    place = load_place(written(tmp_path, "beam: {options: {streaming: true, experiments: [a, b]}}\n"))
    assert place.beam.options == {"streaming": ("true",), "experiments": ("a", "b")}
