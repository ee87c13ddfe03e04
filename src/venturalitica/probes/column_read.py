"""numpy arrays as columns whose blocks are read without a copy where they are what is hashed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from venturalitica.errors import DataError
from venturalitica.probes.column_hash import Ints, Kind, Piece
from venturalitica.probes.column_text import fixed_width_piece

_NONE_MISSING: Ints = numpy.zeros(0, dtype=numpy.int64)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of any library: `read(start, stop)` gives the rows between as a piece.

    Threads may read several blocks of it at once.
    """

    name: str
    rows: int
    read: Callable[[int, int], Piece]


def array_column(array: NDArray[Any], name: str, *, zoned: bool = False) -> Column:
    """A 1-D numpy array; `zoned` says that its times are instants, given in UTC."""
    if isinstance(array, numpy.ma.MaskedArray):
        return _masked_array(array, name)
    kind = array.dtype.kind
    if kind in "OT":
        from venturalitica.probes.column_objects import object_column

        return object_column(array.astype(object, copy=False), name)
    if kind not in "biufMmU" or (kind == "f" and array.dtype.itemsize > 8):
        raise unsupported(name, str(array.dtype))
    if kind in "Mm":
        return _times(array, name, zoned=zoned)

    def read(start: int, stop: int) -> Piece:
        part = array[start:stop]
        if kind == "U":
            return fixed_width_piece(part, _NONE_MISSING, name)
        return numbers_piece(part, part.size, _NONE_MISSING)

    return Column(name, array.size, read)


def _masked_array(array: numpy.ma.MaskedArray[Any, Any], name: str) -> Column:
    from venturalitica.probes.column_objects import object_column

    objects = numpy.ma.getdata(array).astype(object)
    objects[numpy.ma.getmaskarray(array)] = None
    return object_column(objects, name)


def numbers_piece(values: NDArray[Any], rows: int, missing: Ints) -> Piece:
    """Numbers or booleans that are present, among which NaN is missing too."""
    if values.dtype.kind == "b":
        return Piece("bool", rows, missing, values)
    if values.dtype.kind != "f":
        return Piece("number", rows, missing, values)
    lost = numpy.isnan(values)
    if not lost.any():
        return Piece("number", rows, missing, values)
    absent = numpy.zeros(rows, dtype=bool)
    absent[missing] = True
    absent[numpy.flatnonzero(~absent)[lost]] = True
    return Piece("number", rows, numpy.flatnonzero(absent), values[~lost])


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


def masked_column(
    values: NDArray[Any],
    absent: NDArray[numpy.bool_],
    name: str,
    *,
    kind: Kind = "number",
    unit: str = "",
    zoned: bool = False,
) -> Column:
    """Numbers, booleans or int64 times with a mask; what stands where it is set does not count."""

    def read(start: int, stop: int) -> Piece:
        part, gone = values[start:stop], absent[start:stop]
        missing = numpy.flatnonzero(gone)
        present = part[~gone] if missing.size else part
        if kind == "number":
            return numbers_piece(present, part.size, missing)
        return Piece(kind, part.size, missing, present, unit=unit, zoned=zoned)

    return Column(name, values.size, read)


def unsupported(name: str, kind: str) -> DataError:
    return DataError(
        f"column '{name}' holds {kind} values, which have no canonical form to fingerprint: "
        "expected numbers, booleans, text, dates or times; convert it or leave it out"
    )
