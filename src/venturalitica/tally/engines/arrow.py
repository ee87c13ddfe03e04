"""Arrow datasets, scanners and readers of record batches, which DuckDB scans out of core.

A dataset is read as often as a question is asked, and only the columns that it is about. A scanner
or a reader may give its rows once, and half floats are none of DuckDB's: such rows are kept in a
table of DuckDB's, which goes to its temporary folder where memory ends. pyarrow itself is not
imported: it is what the data came from.
"""

from __future__ import annotations

import sys
from typing import Any

from venturalitica.errors import DataError, MissingExtra, listed
from venturalitica.tally.engines.queries import stopped

_STREAMS = ("Dataset", "Scanner", "RecordBatchReader")


def kind_of_stream(data: Any) -> str:
    """Which of pyarrow's streams of rows this is, by name; nothing where it is none."""
    kinds = [kind.__name__ for kind in type(data).__mro__ if kind.__module__.startswith("pyarrow")]
    return next((kind for kind in kinds if kind in _STREAMS), "")


def as_relation(data: Any) -> Any:
    """A stream of rows as a relation of DuckDB.

    Raises:
        DataError: a name occurs twice, or the rows cannot be read.
        MissingExtra: DuckDB is not installed.
    """
    try:
        import duckdb
    except ImportError:
        raise MissingExtra("DuckDB, which reads Arrow streams,", "files") from None

    kind = kind_of_stream(data)
    schema = data.projected_schema if kind == "Scanner" else data.schema
    names = list(schema.names)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"the table has several columns of one name, rename them: {listed(twice)}")
    connection = duckdb.connect()
    wider = _without_halves(schema)
    if kind == "Dataset" and wider is None:
        return connection.from_arrow(data)
    if wider is not None:
        data = data.scanner() if kind == "Dataset" else data
        data = (data if kind == "RecordBatchReader" else data.to_reader()).cast(wider)
    try:
        connection.from_arrow(data).create("rows")
    except (duckdb.Error, OSError, ValueError) as error:
        raise DataError(stopped("pyarrow", error)) from error
    return connection.table("rows")


def _without_halves(schema: Any) -> Any:
    """The schema with half floats as floats, which DuckDB does not have; None where it has none."""
    halves = [place for place, field in enumerate(schema) if str(field.type) == "halffloat"]
    for place in halves:
        float32 = sys.modules["pyarrow"].float32()
        schema = schema.set(place, schema.field(place).with_type(float32))
    return schema if halves else None
