"""Project files, read and checked as a whole: all faults of all files at once."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from headrace.nearest import nearest
from headrace.spec.data_set import DataSet
from headrace.spec.data_set_references import check_data_set
from headrace.spec.document import MAX_BYTES, Document, line_of, read_document
from headrace.spec.faults import Fault, SpecError
from headrace.spec.located import Located, Project
from headrace.spec.model import Model
from headrace.spec.model_references import check_model
from headrace.spec.place import Place
from headrace.spec.reading import read
from headrace.spec.references import Scope
from headrace.spec.schema_files import with_schema_files, with_schemas
from headrace.spec.texts import with_texts
from headrace.spec.values import NAME_PATTERN, shown
from headrace.spec.variables import interpolated

__all__ = [
    "Located",
    "Project",
    "is_place",
    "load_data_set",
    "load_model",
    "load_place",
    "load_project",
    "parse_data_set",
]

_SUFFIXES = (".yaml", ".yml")
_OF_NAMES = ("", "clean", "derive", "contract.columns", "contract.rules", "known", "joins", "features")
"""Sections whose entries stand each for itself."""
_FIRST_KEY = re.compile(rb"^(dataset|model):[ \t]*([A-Za-z][A-Za-z0-9_]*)", re.MULTILINE)


def load_project(folder: str) -> Project:
    """Read every YAML file that stands directly in a folder, and check them against each other.

    Raises:
        SpecError: with every fault of every file.
    """
    name = Path(folder).resolve().name
    files = [_read_file(path) for path in _project_files(folder)]
    faults = [*_check_names(name, folder, files), *(fault for file in files for fault in file.faults)]
    data_sets = {file.name: file.data_set for file in files if file.data_set}
    models = {file.name: file.model for file in files if file.model}
    scopes: dict[str, Scope | None] = {file.name: None for file in files if file.kind == "dataset"}
    found: list[Fault] = []
    for data in data_sets.values():
        scopes[data.value.dataset], wrong = check_data_set(data)
        found += wrong
    for model in models.values():
        found += check_model(model, data_sets, scopes)
    faults += _independent(found, faults)
    if faults:
        raise SpecError(faults)
    return Project(name, folder, data_sets, models)


def load_data_set(path: str) -> tuple[Project, DataSet]:
    """Read a data set's file, with the project it stands in.

    Raises:
        SpecError: there is no such file, it is no data set, or the project has faults.
    """
    project = _project_of(path)
    return project, _of_file(path, project.data_sets.values(), "data set (dataset: …)")


def load_model(path: str) -> tuple[Project, Model]:
    """Read a model's file, with the project it stands in.

    Raises:
        SpecError: there is no such file, it is no model, or the project has faults.
    """
    project = _project_of(path)
    return project, _of_file(path, project.models.values(), "model (model: …)")


def parse_data_set(text: str, file: str, schemas: Mapping[str, str] = MappingProxyType({})) -> Located[DataSet]:
    """Read the text of one data set, as a sealed plan keeps it, with the schemas that its own files held then.

    Variables in paths stay as they are written: a plan has its own list of files.

    Raises:
        SpecError: with every fault.
    """
    document = with_schemas(read_document(text, file), schemas)
    data, faults = _read(DataSet, document, schemas)
    if data:
        faults += _independent(check_data_set(data)[1], faults)
    if faults or not data:
        raise SpecError(faults)
    return data


def load_place(path: str | None) -> Place:
    """Read a place file; without one, the defaults: everything on this machine.

    Raises:
        SpecError: with every fault.
    """
    if path is None:
        return Place()
    document = read_document(_bytes_of(path), path)
    place, faults = read(Place, _with_secrets_by_name(_with_variables(document), document))
    if faults or not place:
        raise SpecError(faults)
    return place


def _with_secrets_by_name(found: Document, written: Document) -> Document:
    """The settings of the Kafka client as they are written: they travel to workers, and no secret should."""
    kafka = written.values.get("kafka")
    if not isinstance(kafka, dict) or "options" not in kafka or not isinstance(found.values["kafka"], dict):
        return found
    return replace(found, values={**found.values, "kafka": {**found.values["kafka"], "options": kafka["options"]}})


def is_place(path: str) -> bool:
    """Whether a file says that it is a place; also where it has faults."""
    try:
        return "place" in read_document(_bytes_of(path), path).values
    except SpecError:
        return False


class _File(NamedTuple):
    """What one file of a project came to: a data set, a model, or only faults."""

    path: str
    kind: str  # dataset or model, as far as that could be seen
    name: str
    faults: Sequence[Fault]
    data_set: Located[DataSet] | None = None
    model: Located[Model] | None = None


def _read_file(path: str) -> _File:
    source = b""
    try:
        document = read_document(source := _bytes_of(path), path)
    except SpecError as error:
        seen = _FIRST_KEY.search(source)  # what others refer to is there, even if it cannot be read
        kind, name = (seen[1].decode(), seen[2].decode()) if seen else ("", "")
        return _File(path, kind, name, error.faults)
    kinds = [key for key in ("dataset", "model") if key in document.values]
    if len(kinds) != 1:
        meant = [(kind, key) for kind in ("dataset", "model") for key in get_close_matches(kind, document.values)]
        kind, key = meant[0] if meant and not kinds else ("", "")
        fault = _no_kind(document, kind, key)
        return _File(path, kind, str(document.values.get(key, "")), [*document.faults, fault])
    name = str(document.values[kinds[0]])
    if kinds == ["model"]:
        model, faults = _read(Model, document)
        return _File(path, "model", name, faults, model=model)
    for key in ("source.path", "sources.backfill.path"):
        document = _with_variables(document, key)
    document, schemas = with_schema_files(document, os.environ)
    data_set, faults = _read(DataSet, document, schemas)
    return _File(path, "dataset", name, faults, data_set=data_set)


def _read[S: (DataSet, Model)](
    kind: type[S], document: Document, schemas: Mapping[str, str] = MappingProxyType({})
) -> tuple[Located[S] | None, list[Fault]]:
    value, faults = read(kind, document)
    return (Located(value, document.file, document.text, document.lines, dict(schemas)) if value else None), faults


def _independent(found: Iterable[Fault], told: Sequence[Fault]) -> list[Fault]:
    """The faults that are no consequence of a told one: of settings that belong together, one was not read."""
    sections = {(fault.file, section) for fault in told if (section := _section(fault.key)) not in _OF_NAMES}
    keys = {(fault.file, fault.key) for fault in told}
    return [f for f in found if not {(f.file, f.key), (f.file, _section(f.key))} & (sections | keys)]


def _section(key: str) -> str:
    return key.rpartition(".")[0]


def _no_kind(document: Document, kind: str, key: str) -> Fault:
    if kind:
        return Fault(document.file, line_of(document.lines, key), key, f"no such key; did you mean {kind}?")
    both = "dataset" in document.values
    found = "a file is a data set or a model, not both" if both else "expected `dataset: name` or `model: name`"
    if "place" in document.values:
        found += "; a place file stands in another folder than the project"
    elif not both:
        found += f"; found the keys {', '.join(map(shown, list(document.values)[:12]))}"
    return Fault(document.file, line_of(document.lines, ""), "", found)


def _with_variables(document: Document, under: str = "") -> Document:
    """The document with the variables of the environment replaced, in all texts or in one."""
    return with_texts(document, under, lambda text: interpolated(text, os.environ))


def _check_names(project: str, folder: str, files: Iterable[_File]) -> Iterator[Fault]:
    """Ask that the names a project gives can stand side by side: its own, and those of its tables."""
    if not re.fullmatch(NAME_PATTERN, project):
        cure = "rename it: a letter, then letters, digits and _"
        yield Fault(folder, 0, "", f"a project is named after its folder, and {shown(project)} is no name; {cure}")
    first: dict[str, _File] = {}
    for file in files:
        if file.name and (other := first.setdefault(file.name.casefold(), file)) is not file:
            alike = "is also" if file.name == other.name else f"differs only by capitals from {other.name},"
            found = f"{file.name} {alike} the name in {other.path}; tables stand side by side, each needs its own"
            located = file.data_set or file.model
            yield located.fault(file.kind, found) if located else Fault(file.path, 0, file.kind, found)


def _project_files(folder: str) -> list[str]:
    try:
        files = [entry for entry in Path(folder).iterdir() if entry.suffix in _SUFFIXES and entry.is_file()]
    except OSError as error:
        raise SpecError([Fault(folder, 0, "", f"cannot be read as a folder of project files: {_why(error)}")]) from None
    visible = sorted(str(file) for file in files if not file.name.startswith("."))
    if not visible:
        raise SpecError([Fault(folder, 0, "", "has no *.yaml; a project is a folder of data-set and model files")])
    return visible


def _bytes_of(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)  # one more than is allowed, so that the reader refuses it
    except OSError as error:
        near = [str(other) for other in Path(path).parent.glob("*") if other.suffix in _SUFFIXES]
        hint = f"; {nearest(path, near)}" if isinstance(error, FileNotFoundError) and near else ""
        raise SpecError([Fault(path, 0, "", f"{_why(error)}{hint}")]) from None


def _why(error: OSError) -> str:
    if isinstance(error, IsADirectoryError):
        return "is a folder; name one of the files in it"
    return error.strerror or type(error).__name__


def _project_of(path: str) -> Project:
    """The project a file stands in; that there is no such file is told first."""
    _bytes_of(path)
    return load_project(str(Path(path).parent))


def _of_file[T](path: str, all_of_kind: Iterable[Located[T]], kind: str) -> T:
    for located in all_of_kind:
        if Path(located.file).name == Path(path).name:
            return located.value
    raise SpecError([Fault(path, 0, "", f"is no {kind}")])
