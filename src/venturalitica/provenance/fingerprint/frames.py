"""Columns of numpy, pandas, Polars and pyarrow, by the fastest way each library has.

numpy's blocks are read without a copy where they are what is hashed. Of the others none is imported
but the one that the column at hand comes from. Polars needs no pyarrow.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Any

import numpy
from numpy.typing import NDArray

from venturalitica.provenance.fingerprint.digest import (
    NONE_MISSING,
    Column,
    Ints,
    Kind,
    Piece,
    masked_column,
    numbers_piece,
    unsupported,
)
from venturalitica.provenance.fingerprint.objects import (
    fixed_width_piece,
    gatherer,
    object_column,
    objects_of,
)


def array_column(array: NDArray[Any], name: str, *, zoned: bool = False) -> Column:
    """A 1-D numpy array; `zoned` says that its times are instants, given in UTC."""
    if isinstance(array, numpy.ma.MaskedArray):
        return _masked_array(array, name)
    kind = array.dtype.kind
    if kind in "OT":
        return object_column(array.astype(object, copy=False), name)
    if kind not in "biufMmU" or (kind == "f" and array.dtype.itemsize > 8):
        raise unsupported(name, str(array.dtype))
    if kind in "Mm":
        return _times(array, name, zoned=zoned)

    def read(start: int, stop: int) -> Piece:
        part = array[start:stop]
        if kind == "U":
            return fixed_width_piece(part, NONE_MISSING, name)
        return numbers_piece(part, part.size, NONE_MISSING)

    return Column(name, array.size, read)


def _masked_array(array: numpy.ma.MaskedArray[Any, Any], name: str) -> Column:
    objects = numpy.ma.getdata(array).astype(object)
    objects[numpy.ma.getmaskarray(array)] = None
    return object_column(objects, name)


def _times(array: NDArray[Any], name: str, *, zoned: bool) -> Column:
    unit, step = numpy.datetime_data(array.dtype)
    if unit not in ("ns", "us", "ms", "s"):
        array, unit, step = array.astype(f"{array.dtype.str[:2]}8[us]"), "us", 1
    if step != 1:
        raise unsupported(name, str(array.dtype))
    kind: Kind = "timestamp" if array.dtype.kind == "M" else "duration"

    def read(start: int, stop: int) -> Piece:
        part = array[start:stop]
        absent = numpy.isnat(part)
        missing = numpy.flatnonzero(absent)
        present = (part[~absent] if missing.size else part).astype(numpy.int64)
        return Piece(kind, part.size, missing, present, unit=unit, zoned=zoned)

    return Column(name, array.size, read)


_POLARS_TIMES = {"Date": "D", "Datetime": "", "Duration": ""}
_POLARS_REFUSED = ("List", "Array", "Struct", "Unknown")
_POLARS_OBJECTS = ("Object", "Decimal", "Time", "Binary", "Int128", "UInt128")
POLARS_AS_A_WHOLE = ("Object", "Int128", "UInt128")
"""Types of Polars whose canonical type is a question to the column as a whole."""


def polars_column(series: Any, name: str) -> Column:
    """A Polars Series."""
    kind = type(series.dtype).__name__
    if kind in _POLARS_REFUSED:
        raise unsupported(name, str(series.dtype))
    if kind in _POLARS_OBJECTS:
        return object_column(objects_of(series.to_list()), name)
    return Column(name, len(series), lambda start, stop: _polars_piece(series[start:stop], kind))


def _polars_piece(series: Any, kind: str) -> Piece:
    rows = len(series)
    nulls = series.null_count()
    if nulls == rows:
        return Piece("null", rows, numpy.arange(rows))
    missing = NONE_MISSING
    if nulls:
        missing = numpy.flatnonzero(series.is_null().to_numpy())
        series = series.drop_nulls()
    if kind in ("Categorical", "Enum"):
        return _polars_text(series.cast(str), rows, missing)
    if kind == "String":
        return _polars_text(series, rows, missing)
    if kind in _POLARS_TIMES:
        return _polars_times(series, kind, rows, missing)
    return numbers_piece(series.to_numpy(), rows, missing)


def _polars_text(series: Any, rows: int, missing: Ints) -> Piece:
    """As lists of bytes, whose buffer is one run: half the cost of joining the texts."""
    import polars

    lists = series.cast(polars.Binary).cast(polars.List(polars.UInt8))
    sizes = lists.list.len().to_numpy()
    if not sizes.all():
        # An empty list would come out as one missing byte.
        lists = lists.filter(sizes > 0)
    data = memoryview(lists.explode().to_numpy()) if sizes.any() else b""
    return Piece("text", rows, missing, sizes=sizes, data=data)


def _polars_times(series: Any, kind: str, rows: int, missing: Ints) -> Piece:
    unit = _POLARS_TIMES[kind] or series.dtype.time_unit
    values = series.to_physical().to_numpy()
    if kind == "Duration":
        return Piece("duration", rows, missing, values, unit=unit)
    zoned = getattr(series.dtype, "time_zone", None) is not None
    return Piece("timestamp", rows, missing, values, unit=unit, zoned=zoned)


def arrow_column(column: Any, name: str) -> Column:
    """A pyarrow ChunkedArray or Array."""
    import pyarrow

    chunks = column.chunks if hasattr(column, "chunks") else [column]
    if _by_object(column.type, pyarrow):
        values = [value for chunk in chunks for value in chunk.to_pylist()]
        return object_column(objects_of(values), name)
    if pyarrow.types.is_nested(column.type):
        raise unsupported(name, str(column.type))
    ends = list(accumulate(map(len, chunks)))

    def read(start: int, stop: int) -> Piece:
        parts = []
        for index in range(bisect_right(ends, start), len(chunks)):
            begin = ends[index] - len(chunks[index])
            if begin >= stop:
                break
            first = max(start - begin, 0)
            parts.append(_plain(chunks[index][first : stop - begin], pyarrow))
        whole = parts[0] if len(parts) == 1 else pyarrow.concat_arrays(parts)
        return _arrow_piece(whole, name, pyarrow)

    return Column(name, len(column), read)


def _by_object(kind: Any, pyarrow: Any) -> bool:
    types = pyarrow.types
    plain = kind.value_type if types.is_dictionary(kind) else kind
    return bool(
        types.is_decimal(plain)
        or types.is_time(plain)
        or types.is_binary(plain)
        or types.is_large_binary(plain)
    )


def _plain(chunk: Any, pyarrow: Any) -> Any:
    """The values that a dictionary stands for; texts with 64-bit offsets."""
    types = pyarrow.types
    if types.is_dictionary(chunk.type):
        chunk = chunk.dictionary_decode()
    if types.is_string(chunk.type) or _is_view(chunk.type, types):
        return chunk.cast(pyarrow.large_string())
    return chunk


def _is_view(kind: Any, types: Any) -> bool:
    return bool(getattr(types, "is_string_view", lambda _: False)(kind))


def _arrow_piece(chunk: Any, name: str, pyarrow: Any) -> Piece:
    types, rows, kind = pyarrow.types, len(chunk), chunk.type
    if chunk.null_count == rows:
        return Piece("null", rows, numpy.arange(rows))
    missing = NONE_MISSING
    if chunk.null_count:
        missing = numpy.flatnonzero(chunk.is_null().to_numpy(zero_copy_only=False))
        chunk = chunk.drop_null()
    if types.is_large_string(kind):
        return _arrow_text(chunk, rows, missing)
    if types.is_boolean(kind):
        return Piece("bool", rows, missing, _arrow_bits(chunk))
    if types.is_integer(kind) or types.is_floating(kind):
        return numbers_piece(chunk.to_numpy(zero_copy_only=False), rows, missing)
    return _arrow_times(chunk, kind, rows, missing, name, pyarrow)


def _arrow_text(chunk: Any, rows: int, missing: Ints) -> Piece:
    _, offsets, data = chunk.buffers()
    ends = numpy.frombuffer(offsets, dtype=numpy.int64)
    ends = ends[chunk.offset : chunk.offset + len(chunk) + 1]
    raw = memoryview(data)[int(ends[0]) : int(ends[-1])] if data is not None else b""
    return Piece("text", rows, missing, sizes=numpy.diff(ends), data=raw)


def _arrow_bits(chunk: Any) -> Any:
    """Booleans as one byte each, 0 or 1: several times quicker than pyarrow's own `to_numpy`."""
    first, last = chunk.offset, chunk.offset + len(chunk)
    packed = numpy.frombuffer(chunk.buffers()[1], dtype=numpy.uint8)[first // 8 : (last + 7) // 8]
    return numpy.unpackbits(packed, bitorder="little")[first % 8 :][: len(chunk)]


def _arrow_times(chunk: Any, kind: Any, rows: int, missing: Ints, name: str, pyarrow: Any) -> Piece:
    types = pyarrow.types
    if types.is_date32(kind):
        days = chunk.cast(pyarrow.int32()).to_numpy(zero_copy_only=False).astype(numpy.int64)
        return Piece("timestamp", rows, missing, days, unit="D")
    if types.is_date64(kind):
        millis = chunk.cast(pyarrow.int64()).to_numpy(zero_copy_only=False)
        return Piece("timestamp", rows, missing, millis, unit="ms")
    if not (types.is_timestamp(kind) or types.is_duration(kind)):
        raise unsupported(name, str(kind))
    values = chunk.cast(pyarrow.int64()).to_numpy(zero_copy_only=False)
    if types.is_duration(kind):
        return Piece("duration", rows, missing, values, unit=kind.unit)
    zoned = kind.tz is not None
    return Piece("timestamp", rows, missing, values, unit=kind.unit, zoned=zoned)


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
        plain = numpy.asarray(values.categories)
        if plain.size and plain.dtype.kind in "iuf":
            # Code -1 takes the last category: a value to stand behind the mask.
            return masked_column(plain[codes], codes < 0, name)
        return object_column(objects_of([*texts, None])[codes], name)
    gather = gatherer(texts, name)

    def read(start: int, stop: int) -> Piece:
        part = codes[start:stop]
        missing = numpy.flatnonzero(part < 0)
        return gather(part[part >= 0] if missing.size else part, part.size, missing)

    return Column(name, codes.size, read)
