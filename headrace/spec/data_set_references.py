"""Whether a data set holds together: every name in it is there, every type is the right one."""

from headrace.spec.column_faults import check_column
from headrace.spec.columns import assignable
from headrace.spec.data_set import DataSet
from headrace.spec.faults import Fault
from headrace.spec.located import Located
from headrace.spec.references import Findings, Scope, reserved, spelled_alike, with_article
from headrace.spec.source_faults import check_sources

_ORDERED = ("int", "double", "date", "timestamp")  # types whose values can be told to be later


def check_data_set(located: Located[DataSet]) -> tuple[Scope, list[Fault]]:
    """The columns of a data set's rows, and every fault in what refers to them."""
    data, findings = located.value, Findings(located)
    check_sources(data, findings)
    formats = {source.format for source in data.each_source.values()}
    for name, column in data.contract.columns.items():
        check_column(name, column, formats, findings)
    _check_clean(data, findings)
    scope = _derived(data, findings)
    for name, other in spelled_alike(scope.columns):
        section = "derive" if name in data.derive else "contract.columns"
        findings.add(f"{section}.{name}", f"differs from {other} only by capitals; rename one")
    _check_key(data, scope, findings)
    _check_rows(data, scope, findings)
    if data.table.cluster_by is not None:
        findings.column("table.cluster_by", data.table.cluster_by, scope)
    _check_known(data, scope, findings)
    return scope, findings.faults


def _check_clean(data: DataSet, findings: Findings) -> None:
    declared = Scope(data.dataset, {name: column.type for name, column in data.contract.columns.items()})
    for name, expression in data.clean.items():
        key = f"clean.{name}"
        column = findings.column(key, name, declared)
        type_ = findings.type_of(key, expression, declared)
        if column and type_ and not assignable(type_, column):
            findings.add(key, f"the column is {with_article(column)}; this is {with_article(type_)}")


def _derived(data: DataSet, findings: Findings) -> Scope:
    """All columns; unsure are those whose expression is at fault."""
    columns = {name: column.type for name, column in data.contract.columns.items()}
    unsure: set[str] = set()
    for name, expression in data.derive.items():
        key = f"derive.{name}"
        if why := reserved(name):
            findings.add(key, why)
        if name in data.contract.columns:
            findings.add(key, f"{name} is declared in contract.columns; `clean` changes a column, `derive` adds one")
            continue
        type_ = findings.type_of(key, expression, Scope(data.dataset, columns, frozenset(unsure)))
        if type_ and type_.kind not in ("null", "duration"):
            columns[name] = type_
            continue
        unsure.add(name)
        if type_:
            cure = "; divide it by minutes(1) for a number" if type_.kind == "duration" else ""
            findings.add(key, f"no column can hold this; it is {with_article(type_)}{cure}")
    return Scope(data.dataset, columns, frozenset(unsure))


def _check_key(data: DataSet, scope: Scope, findings: Findings) -> None:
    for name in data.key:
        findings.column("key", name, scope)
    if not data.key and {"on_repeat", "dedupe"} & data.model_fields_set:
        asked = "on_repeat" if "on_repeat" in data.model_fields_set else "dedupe"
        findings.add(asked, "is about rows with one key, and there is no key; declare it, or delete this")
    latest = findings.column("on_repeat.latest_by", data.latest_by, scope) if data.latest_by else None
    if latest and latest.kind not in _ORDERED:
        findings.add("on_repeat.latest_by", f"takes {', '.join(_ORDERED)}; {data.latest_by} is {with_article(latest)}")
    if data.key and data.of_topic and data.time is None:
        findings.add("key", "repeats in a topic are looked for among the newest rows, and there is no time; declare it")
    elif "max_bytes" in data.dedupe.model_fields_set and not data.of_topic:
        findings.add("dedupe.max_bytes", "is about the messages of a topic, and the rows come from files; delete it")
    elif data.latest_by and data.dedupe.within is not None:
        findings.add(
            "dedupe.within", "a later row replaces the earlier one wherever that stands; delete one of the two"
        )
    elif data.dedupe.within is not None and data.time is None:
        findings.add("dedupe.within", "is counted back from the newest time, and there is no time; declare it")


def _check_rows(data: DataSet, scope: Scope, findings: Findings) -> None:
    if data.time is not None:
        findings.timestamp_column("time", data.time, scope)
    elif data.lateness:
        findings.add("lateness", "is how late a row may come after newer ones; declare time to tell, or delete it")
    for rule, expression in data.contract.rules.items():
        key = f"contract.rules.{rule}"
        type_ = findings.type_of(key, expression, scope)
        if type_ and type_.kind not in ("bool", "null"):
            findings.add(key, f"a rule is true or false; this is {with_article(type_)}, compare it with something")


def _check_known(data: DataSet, scope: Scope, findings: Findings) -> None:
    if data.known == "always":
        return
    groups: dict[str, str] = {}
    for group, known in data.known.items():
        findings.timestamp(f"known.{group}.at", known.at, scope)
        for name in known.columns:
            key = f"known.{group}.columns"
            findings.column(key, name, scope)
            if name in groups:
                findings.add(key, f"{name} is in the group {groups[name]} too; it becomes known once")
            groups.setdefault(name, group)
