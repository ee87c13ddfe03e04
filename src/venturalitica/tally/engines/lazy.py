"""Tables that stay where they are: what is different about them before anything is counted."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from venturalitica.errors import DataError
from venturalitica.tally.engines.queries import answered


def has_nothing(frame: nw.LazyFrame[Any], column: str) -> bool:
    """Whether the column is of a type that holds missing values only."""
    native = frame.to_native()
    if frame.implementation.is_duckdb():  # which takes `schema` for a column
        schema = dict(zip(native.columns, native.types, strict=True))
    else:
        schema = native.collect_schema() if hasattr(native, "collect_schema") else native.schema
    kind = (schema() if callable(schema) else schema)[column]
    return str(getattr(kind, "dataType", kind)).strip('"').lower().startswith("null")


def is_ordered(frame: nw.LazyFrame[Any]) -> bool:
    """Whether the engine hands the rows over in one order, each time the same."""
    engine = frame.implementation
    return not (engine.is_ibis() or engine.is_spark_like() or engine.is_dask())


def beside_arrays(frame: nw.LazyFrame[Any]) -> nw.DataFrame[Any]:
    """The rows in memory, to be paired with arrays; DataError where they are in no order."""
    if not is_ordered(frame):
        raise DataError(
            f"the rows are {frame.implementation.name.lower()}'s, where they have no order, and an "
            "array was given beside them: expected every role in a column of the table; add the "
            "array to it by a key"
        )
    return answered(frame)
