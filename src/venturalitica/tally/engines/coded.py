"""Any column as codes: for each row the place of its value among the different ones."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from itertools import islice
from typing import Any

import narwhals as nw
import numpy
from numpy.typing import NDArray

from venturalitica.tally.engines.arrays import MISSING, Codes

_HELD = 64
"""Of a list or an array in a cell so many values are compared: an embedding has no more to tell."""


def coded(values: Any) -> tuple[NDArray[numpy.int64], list[Any]]:
    """For each row the place of its value among the different ones; -1 where it is missing."""
    if isinstance(values, nw.Series):
        if values.dtype.is_nested() or values.dtype == nw.Object:
            return _places(values.to_list())
        if values.implementation.is_pandas():
            codes, different = values.to_native().factorize()
            return numpy.asarray(codes, dtype=numpy.int64), different.tolist()
        if values.implementation.is_pyarrow():
            return _arrow_coded(values.to_native())
        if values.implementation.is_polars():
            return _polars_coded(values.to_native())
        values = values.to_list()
    return _places(values)


def text_codes(series: nw.Series[Any]) -> Codes:
    """Text as codes, one per row."""
    texts = series.to_list()
    values = sorted(value for value in set(texts) if isinstance(value, str))
    place = dict.fromkeys(texts, MISSING) | {value: code for code, value in enumerate(values)}
    codes = numpy.fromiter(map(place.__getitem__, texts), numpy.int64, len(texts))
    return Codes(tuple(values), codes)


def _places(values: Iterable[Any]) -> tuple[NDArray[numpy.int64], list[Any]]:
    place: dict[Any, int] = {}
    single = (_single(value) for value in values)
    codes = numpy.fromiter(
        (-1 if _is_missing(value) else place.setdefault(value, len(place)) for value in single),
        dtype=numpy.int64,
    )
    return codes, list(place)


def _single(value: Any) -> Any:
    """The value, or what it holds where it is a list, an array or a mapping: the first of it."""
    if isinstance(value, numpy.ndarray):
        return str(value.shape), tuple(value.ravel()[:_HELD].tolist())
    if isinstance(value, Mapping):
        return tuple((str(name), _single(one)) for name, one in islice(value.items(), _HELD))
    if isinstance(value, list | tuple | set):
        return len(value), tuple(_single(one) for one in islice(value, _HELD))
    return value if isinstance(value, Hashable) else str(value)


def _is_missing(value: Any) -> bool:
    return value is None or value != value


def _arrow_coded(column: Any) -> tuple[NDArray[numpy.int64], list[Any]]:
    found = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    if hasattr(found.type, "index_type"):
        # Its dictionary may hold what no row does, a value twice, or a missing one.
        found = found.dictionary_decode()
    found = found.dictionary_encode()
    codes = found.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return codes.astype(numpy.int64), found.dictionary.to_pylist()


def _polars_coded(series: Any) -> tuple[NDArray[numpy.int64], list[Any]]:
    different = series.unique().drop_nulls()
    if not len(different):
        return numpy.full(len(series), -1, dtype=numpy.int64), []
    places = numpy.arange(len(different))
    codes = series.replace_strict(different, places, default=-1)
    return codes.fill_null(-1).to_numpy().astype(numpy.int64), different.to_list()
