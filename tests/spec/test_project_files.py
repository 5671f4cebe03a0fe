"""Folders of project files: what is read, from where, and that all faults come at once."""
# ruff: noqa: E501  # messages stand in one line, as they are printed

import pickle
from pathlib import Path

import pytest

from headrace.rules import Type
from headrace.spec.columns import data_set_columns, input_columns
from headrace.spec.faults import SpecError
from headrace.spec.project import load_data_set, load_model, load_project, parse_data_set

FLIGHTS = Path(__file__).parents[2] / "conf" / "flights"


def faults_of(load, *arguments):
    """The lines of the SpecError that a call must end in."""
    with pytest.raises(SpecError) as error:
        load(*arguments)
    return str(error.value).splitlines()


def change(path, right, wrong):
    """Break one thing in a file."""
    text = path.read_text()
    assert right in text
    path.write_text(text.replace(right, wrong, 1))


def test_the_example_project_is_right():
    """conf/flights loads, under its folder's name."""
    project = load_project(str(FLIGHTS))
    assert project.name == "flights"
    assert set(project.data_sets) == {"schedule", "outcomes", "weather", "planes"}
    assert set(project.models) == {"late"}


def test_a_file_is_loaded_with_its_project(shop):
    """A data set's or model's own file gives it together with the folder it stands in."""
    project, orders = load_data_set("shop/orders.yaml")
    assert orders is project.data_sets["orders"].value
    assert (project.name, project.folder) == ("shop", "shop")
    _, late = load_model(str(shop / "late.yaml"))
    assert late.train.booster.lambda_ == 2.0


def test_a_file_can_be_loaded_from_within_its_folder(shop, monkeypatch):
    """The project's name does not depend on how the path is written."""
    monkeypatch.chdir(shop)
    project, _ = load_data_set("orders.yaml")
    assert project.name == "shop"
    assert project.data_sets["orders"].file == "orders.yaml"


def test_located_knows_file_text_and_lines(shop):
    """A fault found later, by a feature for instance, is told at the line of its key or of the key above."""
    located = load_project("shop").data_sets["orders"]
    assert located.text == (shop / "orders.yaml").read_text()
    assert str(located.fault("contract.columns.weight.min", "x")) == (
        "shop/orders.yaml:16: contract.columns.weight.min: x"
    )
    assert located.fault("contract.columns.weight.max", "x").line == 16
    assert pickle.loads(pickle.dumps(located)) == located  # noqa: S301  # our own bytes: it travels to workers


def test_columns_are_declared_then_derived(shop):
    """The order is the table's; derived types come from their expressions."""
    columns = data_set_columns(load_project("shop").data_sets["orders"].value)
    assert list(columns) == ["order_id", "customer", "placed", "promised", "weight", "channel", "due"]
    assert (columns["weight"], columns["due"]) == (Type("decimal", 9, 3), Type("timestamp"))


def test_inputs_are_the_rows_columns_and_those_of_joins(shop):
    """A joined column is stored as join__column."""
    project = load_project("shop")
    columns = input_columns(project.models["late"].value, project)
    assert columns["order_id"] == Type("int")
    assert columns["buyer__since"] == Type("date")
    assert {name for name in columns if name.startswith("price__")} == {"price__channel", "price__at", "price__fuel"}


def test_all_faults_of_all_files_come_at_once(shop):
    """Keys, values, names and references in five files: one error has them all, by file and line."""
    change(shop / "orders.yaml", "quarantined_share: 0.05", "quarantined_shar: 0.05")
    change(shop / "orders.yaml", "weight > 30", "wait > 30")
    change(shop / "deliveries.yaml", "lateness: 6h", "lateness: 6 hours")
    change(shop / "customers.yaml", "key: customer", "key: client")
    change(shop / "prices.yaml", "Europe/Vienna", "Europe/Wien")
    change(shop / "late.yaml", "with: 0", "with: avg")
    change(shop / "late.yaml", "lambda: 2", "lamda: 2")
    assert faults_of(load_project, "shop") == [
        "shop/customers.yaml:3: key: client is not a column of customers; known: customer, discount, since, vip",
        "shop/deliveries.yaml:5: lateness: '6 hours' is no duration; write a whole number and a unit: 30s, 15m, 3h, 90d",
        "shop/late.yaml:12: features.discount.with: 'avg' cannot stand here; write mean, median, mode or a number",
        "shop/late.yaml:22: train.booster.lamda: no such key; did you mean lambda?",
        "shop/orders.yaml:19: contract.rules.light_is_fast: position 1: no column wait; did you mean weight?",
        "shop/orders.yaml:20: contract.stop_if.quarantined_shar: no such key; did you mean quarantined_share?",
        "shop/prices.yaml:13: contract.columns.at.zone: there is no time zone Europe/Wien; did you mean Europe/Vienna?",
    ]


@pytest.mark.parametrize(
    "broken",
    [
        ("format: jsonl", "format: json"),
        ("columns:\n", "colums:\n"),
        ("key: [order_id]", "key: [order_id"),
        ("dataset: deliveries", "datset: deliveries"),
    ],
)
def test_what_refers_to_a_broken_file_is_not_blamed(shop, broken):
    """The label's data set cannot be read: that is one fault, and the model has none."""
    change(shop / "deliveries.yaml", *broken)
    (fault,) = faults_of(load_project, "shop")
    assert fault.startswith("shop/deliveries.yaml:")


def test_a_broken_derived_column_is_told_once(shop):
    """Key, rules and known times that use it are not blamed, nor is another data set's join on it."""
    change(shop / "orders.yaml", "placed + days(promised)", "plced + days(promised)")
    change(shop / "orders.yaml", "time: placed", "time: due")
    change(shop / "orders.yaml", "weight > 30", "due > placed")
    change(shop / "late.yaml", "by: predict_at", "by: due")
    change(shop / "late.yaml", "heavy: weight > 10", "heavy: (due - placed) / days(1)")
    assert faults_of(load_project, "shop") == [
        "shop/orders.yaml:7: derive.due: position 1: no column plced; did you mean placed?"
    ]


def test_a_join_of_a_data_set_that_is_not_there_is_told_once(shop):
    """The features that use the join are not blamed."""
    change(shop / "late.yaml", "from: prices", "from: price")
    assert faults_of(load_project, "shop") == [
        "shop/late.yaml:7: joins.price.from: there is no data set price in this project; did you mean prices?"
    ]


def test_only_yaml_files_directly_in_the_folder_are_read(shop):
    """Other files, hidden ones and folders may stand beside; .yml counts too."""
    (shop / "README.md").write_text("hello")
    (shop / ".hidden.yaml").write_text("{")
    (shop / "old.yaml").mkdir()
    (shop / "old.yaml" / "x.yaml").write_text("{")
    (shop / "customers.yaml").rename(shop / "customers.yml")
    assert "customers" in load_project("shop").data_sets


def test_a_data_set_may_be_all_there_is(tmp_path):
    """Ingest alone needs no model, no key, no time and no known times."""
    folder = tmp_path / "events"
    folder.mkdir()
    (folder / "log.yaml").write_text(
        "dataset: log\nsource: {format: jsonl, path: log/*.jsonl}\ncontract: {columns: {line: {type: string}}}\n"
    )
    data = load_project(str(folder)).data_sets["log"].value
    assert (data.key, data.time, data.known, data.source.nulls) == ((), None, {}, ("",))


@pytest.mark.parametrize(
    ("load", "path", "expected"),
    [
        (load_project, "nowhere", "nowhere: cannot be read as a folder of project files: No such file or directory"),
        (
            load_project,
            "shop/late.yaml",
            "shop/late.yaml: cannot be read as a folder of project files: Not a directory",
        ),
        (load_data_set, "shop", "shop: is a folder; name one of the files in it"),
        (
            load_data_set,
            "shop/order.yaml",
            "shop/order.yaml: No such file or directory; did you mean shop/orders.yaml?",
        ),
        (load_data_set, "nowhere/order.yaml", "nowhere/order.yaml: No such file or directory"),
        (load_data_set, "shop/late.yaml", "shop/late.yaml: is no data set (dataset: …)"),
        (load_model, "shop/orders.yaml", "shop/orders.yaml: is no model (model: …)"),
    ],
)
def test_a_path_that_leads_nowhere_is_told_at_once(shop, load, path, expected):
    """The path is named as it was given, with the nearest file that is there."""
    assert faults_of(load, path) == [expected]


def test_a_folder_without_project_files_is_told(tmp_path):
    """An empty folder is no project."""
    (fault,) = faults_of(load_project, str(tmp_path))
    assert fault.endswith("has no *.yaml; a project is a folder of data-set and model files")


def test_a_folder_gives_the_project_its_name(shop):
    """It becomes a part of every table's path, so it must be a name."""
    shop.rename("my-shop")
    assert faults_of(load_project, "my-shop") == [
        "my-shop: a project is named after its folder, and 'my-shop' is no name; rename it: a letter, then letters, digits and _"
    ]


def test_a_file_that_may_not_be_read_is_a_fault(shop):
    """A dangling link is told by its name, beside the faults of the others."""
    (shop / "gone.yaml").symlink_to("elsewhere.yaml")
    assert "customers" in load_project("shop").data_sets  # it is no file at all
    (shop / "gone.yaml").unlink()
    (shop / "gone.yaml").write_bytes(b"\xff")
    assert faults_of(load_project, "shop") == ["shop/gone.yaml:1: byte 0xff is no UTF-8; save the file as UTF-8"]


def test_names_differ_across_data_sets_and_models(shop):
    """Their tables stand side by side, on file systems that may not tell capitals apart."""
    (shop / "z.yaml").write_text("# another\n" + (shop / "prices.yaml").read_text().replace("prices", "LATE", 1))
    assert faults_of(load_project, "shop") == [
        "shop/z.yaml:2: dataset: LATE differs only by capitals from late, the name in shop/late.yaml; tables stand side by side, each needs its own"
    ]


def test_a_sealed_text_is_read_without_its_folder(shop):
    """A plan keeps one data set's text; its references are checked like in the folder."""
    text = (shop / "orders.yaml").read_text()
    assert parse_data_set(text, "plan 7").value == load_project("shop").data_sets["orders"].value
    assert faults_of(parse_data_set, text.replace("time: placed", "time: place"), "plan 7") == [
        "plan 7:9: time: place is not a column of orders; did you mean placed?"
    ]


def test_a_sealed_text_asks_no_environment(shop):
    """Its files are in the plan, so a variable that only the planner's machine has is no fault."""
    text = (shop / "orders.yaml").read_text().replace("path: raw/orders/*.csv", "path: '${NOT_SET_HERE}/*.csv'")
    assert parse_data_set(text, "plan 7").value.source.path == "${NOT_SET_HERE}/*.csv"


def test_the_path_of_a_source_may_have_variables(shop, monkeypatch):
    """Only there: elsewhere in a data set, as in a pattern, ${ is what it is."""
    change(shop / "orders.yaml", "path: raw/orders/*.csv", "path: '${SHOP_RAW:-raw}/${SHOP_DAY}/*.csv'")
    change(shop / "orders.yaml", "'^C[0-9]+$'", "'^C[0-9]+${0}'")
    monkeypatch.setenv("SHOP_DAY", "2020-01-01")
    _, orders = load_data_set("shop/orders.yaml")
    assert orders.source.path == "raw/2020-01-01/*.csv"
    assert orders.contract.columns["customer"].regex == "^C[0-9]+${0}"


def test_names_that_are_no_identifiers(tmp_path):
    """Columns may be called as they are in the file; expressions quote them."""
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "odd.yaml").write_text(
        "dataset: odd\n"
        "source: {format: csv, path: x.csv}\n"
        "derive: {dep: '\"dep time\" + 1'}\n"
        "key: [dep time, 'a.b']\n"
        "contract:\n"
        "  columns: {dep time: {type: int}, a.b: {type: int}}\n"
        "  rules:\n"
        "    early: |\n"
        '      "dep tme" < 12\n'
    )
    (fault,) = faults_of(load_project, str(folder))
    assert 'odd.yaml:8: contract.rules.early: position 1: no column "dep tme"; did you mean "dep time"?' in fault
