"""What people hold rows in, as a table or a dict of columns: all else is left as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from venturalitica.tally.engines.arrow import as_relation, kind_of_lake, kind_of_stream, stream_of


def readable(data: Any) -> Any:
    """A list of dicts and a structured array as a dict of columns, of shape `(n,)` each; an Arrow
    dataset, scanner or reader, a Delta or Iceberg table, as a relation of DuckDB.

    A key that a dict of the list lacks is a missing value.

    Raises:
        DataError: a stream of rows cannot be read, or has several columns of one name.
        MissingExtra: DuckDB is needed and not installed.
    """
    if isinstance(data, list | tuple) and data and all(isinstance(row, Mapping) for row in data):
        return _of_records(data)
    if isinstance(data, numpy.ndarray) and data.dtype.names and data.ndim == 1:
        return {name: data[name] for name in data.dtype.names}
    data = stream_of(data) if kind_of_lake(data) else data
    return as_relation(data) if kind_of_stream(data) else data


def _of_records(records: Sequence[Mapping[Any, Any]]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for record in records for name in record)
    return {str(name): [record.get(name) for record in records] for name in names}
