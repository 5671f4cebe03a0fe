"""From a document to a frozen model, or to faults a person can act on."""

from collections.abc import Callable, Iterable, Sequence
from types import NoneType
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from headrace.nearest import nearest
from headrace.spec.document import MAX_FAULTS, Document, Value, line_of
from headrace.spec.faults import Fault
from headrace.spec.model import STEPS
from headrace.spec.values import COLUMN_PATTERN, NAME_PATTERN, Section, shown

type Path = tuple[str | int, ...]

_PATTERNS = {
    NAME_PATTERN: "is no name; a name is a letter, then letters, digits and _, 63 at most",
    COLUMN_PATTERN: 'is no column name; it has 1 to 128 characters, none of them ` or " or a control character',
}
_NAMED_BY_OTHERS: set[Path] = {(), ("contract", "columns"), ("derive",), ("joins",)}
"""Where what is wrong may be, or hold, a name that other parts refer to: () for misspelt sections."""

_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def read[S: Section](kind: type[S], document: Document) -> tuple[S | None, list[Fault]]:
    """The model that a document's values make, and every fault, those of the document included.

    Beside faults there is a model where only optional things are wrong: then what
    refers to the others can still be checked, and all faults are told at once.
    """
    values, faults = document.values, list(document.faults)
    try:
        return _validated(kind, values), faults
    except ValidationError as error:
        found = error.errors(include_url=False)[:MAX_FAULTS]
    # Of a field that may be a word or something else, the other branch says more.
    found.sort(key=lambda details: details["type"] == "literal_error")
    paths = [_path(details, values) for details in found]
    told = {fault.key for fault in faults if fault.key}
    for details, path in zip(found, paths, strict=True):
        key = ".".join(map(str, path))
        if not any(key == other or key.startswith(f"{other}.") for other in told):
            message = _message(_Found(details, kind, _at(values, path)))
            faults.append(Fault(document.file, line_of(document.lines, key), key, message))
            told.add(key)
    return _salvaged(kind, values, paths), _without_echoes(faults)


def _validated[S: Section](kind: type[S], values: Value) -> S:
    return kind.model_validate(values, by_alias=True, by_name=False)


def _salvaged[S: Section](kind: type[S], values: Value, wrong: Iterable[Path]) -> S | None:
    """The model without what is wrong, or None: where that is needed, or where others may refer to it."""
    if any(path[:-1] in _NAMED_BY_OTHERS for path in wrong):
        return None
    try:
        return _validated(kind, _without(values, frozenset(wrong)))
    except ValidationError:
        return None


def _without_echoes(faults: Sequence[Fault]) -> list[Fault]:
    """The faults without "path is missing" where "pth: did you mean path?" stands beside it."""
    meant = {(_parent(fault), fault.message.partition("did you mean ")[2]) for fault in faults}
    missing = {f for f in faults if f.message.startswith("is missing.")}
    return [f for f in faults if f not in missing or (_parent(f), f"{f.key.rpartition('.')[2]}?") not in meant]


def _parent(fault: Fault) -> str:
    return fault.key.rpartition(".")[0]


def _without(values: Value, paths: frozenset[Path], here: Path = ()) -> Value:
    match values:
        case dict():
            kept = ((key, value) for key, value in values.items() if (*here, key) not in paths)
            return {key: _without(value, paths, (*here, key)) for key, value in kept}
        case list():
            items = ((at, value) for at, value in enumerate(values) if (*here, at) not in paths)
            return [_without(value, paths, (*here, at)) for at, value in items]
        case _:
            return values


def _path(details: ErrorDetails, values: Value) -> Path:
    """Where in the file an error is: its location without what names branches of a union."""
    path: list[str | int] = []
    for part in details["loc"]:
        if isinstance(values, dict) and part in values:
            values = values[str(part)]
            path.append(part)
        elif isinstance(values, list) and isinstance(part, int) and part < len(values):
            values = values[part]
            path.append(part)
    last = details["loc"][-1] if details["loc"] else ""
    if details["type"] == "missing" and isinstance(last, str):
        path.append(last)
    if details["type"].startswith("union_tag") and isinstance(values, dict) and "fn" in values:
        path.append("fn")
    return tuple(path)


def _at(values: Value, path: Path) -> Value:
    for part in path:
        if isinstance(values, dict):
            values = values.get(str(part))
        elif isinstance(values, list) and isinstance(part, int):
            values = values[part]
    return values


class _Found(NamedTuple):
    """One error of pydantic's, and what stands in the file where it is."""

    details: ErrorDetails
    kind: type[Section]
    value: Value

    @property
    def name(self) -> str | int:
        """The last part of the location."""
        return self.details["loc"][-1]

    @property
    def fields(self) -> dict[str, FieldInfo]:
        """What may stand beside it."""
        return _fields(self.kind, self.details["loc"][:-1])

    @property
    def limits(self) -> dict[str, Any]:
        """What pydantic says was exceeded or allowed."""
        return self.details.get("ctx", {})


def _message(found: _Found) -> str:
    say = _MESSAGES.get(found.details["type"])
    return say(found) if say else f"{shown(found.value)} cannot stand here"


def _missing(found: _Found) -> str:
    if isinstance(found.name, int):
        return "needs one more entry"
    return f"is missing. {found.fields[found.name].description or ''}".rstrip()


def _unknown_key(found: _Found) -> str:
    return f"no such key; {nearest(str(found.name), found.fields)}"


def _no_section(found: _Found) -> str:
    keys = ", ".join(_fields(found.kind, found.details["loc"]))
    return f"expected a mapping with the keys {keys}; found {shown(found.value)}"


def _other_word(found: _Found) -> str:
    allowed = [word.strip("'") for word in found.limits["expected"].replace(" or ", ", ").split(", ")]
    near = nearest(str(found.value), allowed)
    near = f" ({near})" if near.endswith("?") else ""
    return f"{shown(found.value)} cannot stand here{near}; allowed: {', '.join(allowed)}"


def _no_feature(found: _Found) -> str:
    if isinstance(found.value, str):
        return f"there is no step {shown(found.value)}; {nearest(found.value, STEPS)}"
    return f"a feature is an expression, or has `take`, or has `fn` with one of {', '.join(STEPS)}"


def _out_of_bounds(found: _Found) -> str:
    (bound, limit), *_ = found.limits.items()
    return f"must be {_BOUNDS[bound]} {limit:.12g}; found {shown(found.value)}"


def _no_name(found: _Found) -> str:
    return f"{shown(found.details['input'])} {_PATTERNS[found.limits['pattern']]}"


def _of_shape(shape: str) -> Callable[[_Found], str]:
    return lambda found: f"expected {shape}; found {shown(found.value)}"


_MESSAGES: dict[str, Callable[[_Found], str]] = {
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "model_type": _no_section,
    "dict_type": _of_shape("a mapping"),
    "tuple_type": _of_shape("a list"),
    "string_type": _of_shape("text"),
    "literal_error": _other_word,
    "union_tag_invalid": _no_feature,
    "string_pattern_mismatch": _no_name,
    **dict.fromkeys(("greater_than_equal", "greater_than", "less_than_equal", "less_than"), _out_of_bounds),
    **dict.fromkeys(("too_short", "string_too_short"), lambda _: "is empty; at least one is needed"),
    "too_long": lambda found: f"has more than {found.limits['max_length']} entries",
    "value_error": lambda found: str(found.limits["error"]),
}


def _fields(kind: type[Section], loc: Sequence[str | int]) -> dict[str, FieldInfo]:
    """The fields of the section at a location, by the names they have in a file."""
    section: Any = kind
    for part in loc:
        section = _inside(section, part)
    return {field.alias or name: field for name, field in section.model_fields.items()}


def _inside(annotation: Any, part: str | int) -> Any:
    """The annotation of a part of what an annotation describes: a field, a value, a branch of a union."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return _bare(next(f.annotation for name, f in annotation.model_fields.items() if part in (name, f.alias)))
    if get_origin(annotation) is dict:
        return _bare(get_args(annotation)[1])
    return next(_bare(branch) for branch in get_args(annotation) if Tag(str(part)) in get_args(branch))


def _bare(annotation: Any) -> Any:
    """The type itself: without what is noted beside it, and of one that may be left out, the other."""
    if get_origin(annotation) is Annotated:
        return get_args(annotation)[0]
    given = [branch for branch in get_args(annotation) if branch is not NoneType]
    return given[0] if NoneType in get_args(annotation) and len(given) == 1 else annotation
