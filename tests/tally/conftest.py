"""The same columns as every kind of table that a tally can be built from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy
import pandas
import polars
import pyarrow
import pytest

from venturalitica.tally import rows

Columns = Mapping[str, Sequence[Any]]


def as_pandas(columns: Columns) -> Any:
    frame = pandas.DataFrame({name: list(values) for name, values in columns.items()})
    frame.index = range(7, 7 + len(frame))
    return frame


def as_pandas_objects(columns: Columns) -> Any:
    return pandas.DataFrame(
        {name: pandas.Series(list(values), dtype=object) for name, values in columns.items()}
    )


def as_pandas_nullable(columns: Columns) -> Any:
    return as_pandas_objects(columns).convert_dtypes()


def as_pandas_categories(columns: Columns) -> Any:
    return pandas.DataFrame(
        {name: pandas.Categorical(list(values)) for name, values in columns.items()}
    )


def as_polars(columns: Columns) -> Any:
    return polars.DataFrame({name: list(values) for name, values in columns.items()}, strict=True)


def as_polars_chunks(columns: Columns) -> Any:
    frame = as_polars(columns)
    half = len(frame) // 2
    return polars.concat([frame[:half], frame[half:]], rechunk=False)


def as_polars_lazy(columns: Columns) -> Any:
    return as_polars(columns).lazy()


def as_polars_categories(columns: Columns) -> Any:
    return as_polars(columns).with_columns(polars.col(polars.String).cast(polars.Categorical))


def as_arrow(columns: Columns) -> Any:
    return pyarrow.table({name: pyarrow.array(list(values)) for name, values in columns.items()})


def as_arrow_chunks(columns: Columns) -> Any:
    """Two chunks, and a dictionary of its own in each."""
    length = len(next(iter(columns.values()), ()))
    half = length // 3
    built = {}
    for name, values in columns.items():
        whole = pyarrow.array(list(values))
        parts = [
            pyarrow.array(list(part), type=whole.type) for part in (values[:half], values[half:])
        ]
        if pyarrow.types.is_string(whole.type) or pyarrow.types.is_int64(whole.type):
            parts = [part.dictionary_encode() for part in parts]
        built[name] = pyarrow.chunked_array(parts)
    return pyarrow.table(built)


def as_arrays(columns: Columns) -> Any:
    return {name: numpy.array(values, dtype=object) for name, values in columns.items()}


def as_lists(columns: Columns) -> Any:
    return {name: list(values) for name, values in columns.items()}


ENGINES: dict[str, Callable[[Columns], Any]] = {
    "pandas": as_pandas,
    "pandas objects": as_pandas_objects,
    "pandas nullable": as_pandas_nullable,
    "pandas categories": as_pandas_categories,
    "polars": as_polars,
    "polars chunks": as_polars_chunks,
    "polars lazy": as_polars_lazy,
    "polars categories": as_polars_categories,
    "pyarrow": as_arrow,
    "pyarrow chunks": as_arrow_chunks,
    "arrays": as_arrays,
    "lists": as_lists,
}


@pytest.fixture(params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Callable[[Columns], Any]:
    """One way to hold columns."""
    return ENGINES[request.param]


@pytest.fixture
def engines() -> dict[str, Callable[[Columns], Any]]:
    """All ways to hold columns."""
    return ENGINES


@pytest.fixture(params=["codes", "engine"])
def counted_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Small tables are counted by codes, large ones by their engine: both must say the same."""
    if request.param == "engine":
        monkeypatch.setattr(rows, "SMALL", -1)
    return str(request.param)
