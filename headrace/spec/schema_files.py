"""The schemas of Avro messages, which a data set names by their files."""

import json
from collections.abc import Mapping
from pathlib import Path

from headrace.spec.document import Document
from headrace.spec.texts import with_texts
from headrace.spec.variables import interpolated

_KEYS = ("source.schema", "sources.live.schema")
_MOST_BYTES = 1_000_000


def with_schema_files(document: Document, variables: Mapping[str, str]) -> tuple[Document, dict[str, str]]:
    """The document with the schemas in place of their files' names, and each schema by the name that it had.

    A file that cannot be read, or holds no JSON, is a fault of the text that names it.
    """
    found: dict[str, str] = {}

    def schema(name: str) -> str:
        found[name] = _json(interpolated(name, variables))
        return found[name]

    for key in _KEYS:
        document = with_texts(document, key, schema)
    return document, found


def with_schemas(document: Document, schemas: Mapping[str, str]) -> Document:
    """The document with schemas as they were when it was read; a name that none has stays as it is written."""
    for key in _KEYS:
        document = with_texts(document, key, lambda name: schemas.get(name, name))
    return document


def _json(path: str) -> str:
    """The JSON of a file, without white space that means nothing."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; name the file of the schema, *.avsc") from None
    if len(content) > _MOST_BYTES:
        raise ValueError(f"{path}: a schema may have at most {_MOST_BYTES:,} bytes")
    try:
        return json.dumps(json.loads(content), separators=(",", ":"), ensure_ascii=False)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: is no JSON, as an Avro schema is ({error}); mend the file") from None
