"""Columns of pandas, by the fastest way that each of its kinds of column has."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from venturalitica.probes.column_frames import arrow_column
from venturalitica.probes.column_hash import Piece
from venturalitica.probes.column_objects import object_column, objects_of
from venturalitica.probes.column_read import Column, array_column, masked_column
from venturalitica.probes.column_text import gatherer


def pandas_column(series: Any, name: str) -> Column:
    """A pandas Series; its index does not count."""
    dtype, values = series.dtype, series.array
    if hasattr(dtype, "categories"):
        return _categorical_column(values, name)
    if hasattr(dtype, "tz"):
        return array_column(series.dt.tz_convert(None).to_numpy(), name, zoned=True)
    if isinstance(dtype, numpy.dtype):
        if dtype.kind == "O":
            return object_column(series.to_numpy(), name, missing=lambda: series.isna().to_numpy())
        return array_column(series.to_numpy(), name)
    if _arrow_backed(dtype):
        return arrow_column(values.__arrow_array__(), name)
    if hasattr(values, "_mask") and dtype.kind in "biuf":
        filled = series.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0))
        return masked_column(filled, series.isna().to_numpy(), name)
    objects = series.astype(object)
    return object_column(objects.to_numpy(), name, missing=lambda: objects.isna().to_numpy())


def _arrow_backed(dtype: Any) -> bool:
    return hasattr(dtype, "pyarrow_dtype") or getattr(dtype, "storage", "") == "pyarrow"


def _categorical_column(values: Any, name: str) -> Column:
    """A categorical is read as the values that its codes stand for, never as its codes."""
    texts = values.categories.tolist()
    codes = numpy.asarray(values.codes)
    if not all(isinstance(text, str) for text in texts):
        return _categories_of_others(numpy.asarray(values.categories), texts, codes, name)
    gather = gatherer(texts, name)

    def read(start: int, stop: int) -> Piece:
        part = codes[start:stop]
        missing = numpy.flatnonzero(part < 0)
        return gather(part[part >= 0] if missing.size else part, part.size, missing)

    return Column(name, codes.size, read)


def _categories_of_others(
    plain: NDArray[Any], texts: list[Any], codes: NDArray[Any], name: str
) -> Column:
    if plain.size and plain.dtype.kind in "iuf":
        absent = codes < 0
        # Code -1 takes the last category: a value to stand behind the mask.
        return masked_column(plain[codes], absent, name)
    return object_column(objects_of([*texts, None])[codes], name)
