"""The columns of a data set's tables."""

import pyarrow as pa

from headrace.rows.check import ORIGIN, QUARANTINE_SCHEMA
from headrace.rows.messages import LATE
from headrace.spec.columns import data_set_columns
from headrace.spec.data_set import DataSet

PLAN = pa.field("_plan", pa.int64())  # which brought the row: from there to the contract's text; null: a topic


def events_schema(data: DataSet) -> pa.Schema:
    """Contract, derived columns, origin, plan; where there is a topic, whether the row was late."""
    columns = (pa.field(name, type_.arrow) for name, type_ in data_set_columns(data).items())
    return pa.schema([*columns, *ORIGIN, PLAN, *([LATE] if data.of_topic else [])])


def quarantine_schema() -> pa.Schema:
    """Origin, raw bytes, reasons, plan; the same for every data set."""
    return QUARANTINE_SCHEMA.append(PLAN)
