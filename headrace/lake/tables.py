"""A Delta table itself: made once, its schema kept, its features allowed or refused."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, Schema
from deltalake.exceptions import DeltaError

from headrace import storage
from headrace.failures import DataFailure, PlaceFailure

# Readers look at the statistics of the first 32 columns unless told; times may stand behind them.
_PROPERTIES = {"delta.dataSkippingNumIndexedCols": "-1"}
_WRITER_FEATURES = {"appendOnly", "invariants", "timestampNtz"}


def is_table(root: str) -> bool:
    """Whether a Delta table stands there."""
    if storage.on_a_store(root):  # where nothing stands half written; one request, and where it fails it says why
        return storage.is_folder(storage.join(root, "_delta_log"))
    return bool(DeltaTable.is_deltatable(root))


def open_table(root: str, version: int | None = None) -> DeltaTable:
    """A fresh handle of the table, now or as of a version.

    Raises:
        PlaceFailure: no table can be opened there.
    """
    try:
        return DeltaTable(root, version=version)
    except (DeltaError, OSError) as failure:
        raise PlaceFailure(f"{root}: the table cannot be opened: {failure}") from failure


def create_table(root: str, schema: pa.Schema, *, partition_by: Sequence[str] = ()) -> str:
    """Make sure the table is there with this schema; returns its id.

    Only from the driver, under a lock: two creators at once would both win. New
    nullable columns are added to a table that lacks them; columns it has beyond the
    schema stay.

    Raises:
        DataFailure: a column has another type than the table's, or it is parted in another
            way; the message shows the difference.
    """
    if not is_table(root):
        storage.make_folder(root)
        return str(
            DeltaTable.create(root, schema, mode="error", partition_by=list(partition_by), configuration=_PROPERTIES)
            .metadata()
            .id
        )
    table = open_table(root)
    if (parted := table.metadata().partition_columns) != list(partition_by):
        raise DataFailure(
            f"{root}: the table is parted by {', '.join(parted) or 'nothing'}, this run by "
            f"{', '.join(partition_by) or 'nothing'}; write it as it is, or move it away"
        )
    present = pa.schema(table.schema().to_arrow())
    differ = [
        f"{field.name}: the table has {_plain(present.field(field.name).type)}, this run makes {field.type}"
        for field in schema
        if field.name in present.names and _plain(present.field(field.name).type) != field.type
    ]
    if differ:
        raise DataFailure(
            f"{root}: columns changed their type: {'; '.join(differ)}. A Delta column keeps its type: "
            "rename the column, or make the table anew: headrace reset <its file>, and run again"
        )
    new = [field for field in schema if field.name not in present.names]
    if alike := [(f.name, n) for f in new for n in present.names if n.casefold() == f.name.casefold()]:
        raise DataFailure(
            f"{root}: the column {alike[0][0]} differs only by capitals from {alike[0][1]}, which the table has, and "
            "not every engine tells them apart; give it that name (source.rename maps the name in the files)"
        )
    if new:
        refuse_unknown_features(root, table)
        table.alter.add_columns([_delta_field(field) for field in new])
    return str(table.metadata().id)


def refuse_other_types(schema: pa.Schema) -> None:
    """Nothing, where a Delta table keeps every column's type as it is.

    Raises:
        DataFailure: it names the columns, and the types that a table would make of them.
    """
    kept = pa.schema(Schema.from_arrow(schema).to_arrow())
    if other := [f"{f.name} is {f.type}" for f, k in zip(schema, kept, strict=True) if _plain(k.type) != f.type]:
        raise DataFailure(
            f"{', '.join(other)}, which a Delta table does not keep as it is; cast before: whole numbers to int64 or "
            "int32, texts to string, times to microseconds"
        )


def _delta_field(field: pa.Field) -> Any:
    return Schema.from_arrow(pa.schema([field.with_nullable(True)])).fields[0]


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type as we write it: deltalake answers with views and large offsets."""
    if pa.types.is_string_view(kind) or pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_binary_view(kind) or pa.types.is_large_binary(kind):
        return pa.binary()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(_plain(kind.value_type))
    return kind


def plain_schema(table: DeltaTable) -> pa.Schema:
    """A table's schema in the types we write and Parquet gives back."""
    return pa.schema([pa.field(f.name, _plain(f.type)) for f in pa.schema(table.schema().to_arrow())])


def refuse_unknown_features(root: str, table: DeltaTable) -> None:
    """Stop before a write into a table whose promises a plain append would break.

    Raises:
        DataFailure: it names the feature.
    """
    protocol = table.protocol()
    features = set(protocol.writer_features or ()) - _WRITER_FEATURES
    if protocol.min_writer_version not in (1, 2, 7) or features:
        named = ", ".join(sorted(features)) or f"writer version {protocol.min_writer_version}"
        raise DataFailure(
            f"{root}: the table uses {named}, which an append of ours would not keep; "
            "drop the feature or write to another table"
        )
