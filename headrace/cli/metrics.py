"""The state of a project's tables as Prometheus reads it: text for a collector of files."""

from collections.abc import Iterator, Mapping

from headrace.cli.upkeep import Table, tables
from headrace.lake.ingested import ingested
from headrace.lake.layout import DataSetFolder
from headrace.lake.low_water import low_water
from headrace.lake.planning import planner_of
from headrace.lake.snapshot import open_snapshot
from headrace.lake.tables import is_table, open_table
from headrace.spec.place import Place
from headrace.spec.project import Project

_LAG = "headrace_lag_messages"
_FAMILIES = {
    "headrace_table_rows": "Rows of a table.",
    "headrace_table_files": "Data files of a table.",
    "headrace_table_bytes": "Bytes of its data files.",
    "headrace_table_version": "Version of a table.",
    "headrace_last_commit_timestamp_seconds": "When a table was committed last, seconds since 1970.",
    "headrace_rows_total": "Rows that were ingested, by what became of them.",
    "headrace_refused_files_total": "Files of which something could not be read.",
    _LAG: "Messages of a partition that the tables do not have yet.",
    "headrace_quarantine_share": "Share of the ingested rows that went into quarantine.",
    "headrace_low_water_timestamp_seconds": "The time through which a data set is complete, seconds since 1970.",
    "headrace_open_plan": "1 where a plan is sealed that not every table carries.",
}


def exposition(project: Project, place: Place, only: str | None = None, lag: Mapping[str, int] | None = None) -> str:
    """Every figure of every table that stands, in Prometheus' text format, families in a fixed order.

    With `only`, of one data set; `lag` is how many messages of each partition its tables lack.
    """
    samples: dict[str, list[str]] = {family: [] for family in _FAMILIES}
    for table in tables(project, place, only):
        _add(samples, table)
    for partition, messages in sorted((lag or {}).items()):
        labels = {"data_set": str(only), "partition": partition}
        samples[_LAG].append(_sample(_LAG, labels, messages))
    for name in sorted(project.data_sets if only is None else [only]):
        for family, labels, value in _of_data_set(project, place, name):
            samples[family].append(_sample(family, labels, value))
    lines: list[str] = []
    for family, told in samples.items():
        if told:
            kind = "counter" if family.endswith("_total") else "gauge"
            lines += [f"# HELP {family} {_FAMILIES[family]}", f"# TYPE {family} {kind}", *told]
    return "".join(f"{line}\n" for line in lines)


def _add(samples: dict[str, list[str]], table: Table) -> None:
    snapshot = open_snapshot(table.root)
    subject, _, name = table.name.partition("/")
    labels = {"subject": subject, "table": name}
    (newest,) = open_table(table.root).history(1)
    figures = {
        "headrace_table_rows": snapshot.rows,
        "headrace_table_files": len(snapshot.files),
        "headrace_table_bytes": sum(file.size for file in snapshot.files),
        "headrace_table_version": snapshot.version,
        "headrace_last_commit_timestamp_seconds": newest["timestamp"] / 1000,
    }
    for family, value in figures.items():
        samples[family].append(_sample(family, labels, value))


def _of_data_set(project: Project, place: Place, name: str) -> Iterator[tuple[str, dict[str, str], float]]:
    folder = DataSetFolder(place.roots.lake, project.name, name)
    if not is_table(folder.events):
        return
    located, labels = project.data_sets[name], {"data_set": name}
    total = ingested(located.value, folder)
    for state in ("read", "accepted", "quarantined", "duplicate", "replaced"):
        yield "headrace_rows_total", {**labels, "state": state}, total[state]
    yield "headrace_refused_files_total", labels, total["refused"]
    if total["read"]:
        yield "headrace_quarantine_share", labels, total["quarantined"] / total["read"]
    data = located.value
    if data.time and (complete := low_water(open_snapshot(folder.events), data.time, data.lateness)):
        yield "headrace_low_water_timestamp_seconds", labels, complete.timestamp()
    if data.of_files:
        yield "headrace_open_plan", labels, float(planner_of(located, folder).open_plan() is not None)


def _sample(family: str, labels: dict[str, str], value: float) -> str:
    r"""One line.

    >>> _sample("rows", {"table": 'a"b'}, 3)
    'rows{table="a\\"b"} 3'
    """
    escaped = {k: v.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for k, v in labels.items()}
    return f"{family}{{{','.join(f'{k}="{v}"' for k, v in escaped.items())}}} {value:.15g}"
