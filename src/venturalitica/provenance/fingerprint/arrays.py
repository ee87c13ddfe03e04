"""numpy arrays as columns whose blocks are read without a copy where they are what is hashed."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from venturalitica.provenance.fingerprint.column import (
    _NONE_MISSING,
    Column,
    numbers_piece,
    unsupported,
)
from venturalitica.provenance.fingerprint.digest import Kind, Piece
from venturalitica.provenance.fingerprint.objects import fixed_width_piece


def array_column(array: NDArray[Any], name: str, *, zoned: bool = False) -> Column:
    """A 1-D numpy array; `zoned` says that its times are instants, given in UTC."""
    if isinstance(array, numpy.ma.MaskedArray):
        return _masked_array(array, name)
    kind = array.dtype.kind
    if kind in "OT":
        from venturalitica.provenance.fingerprint.objects import object_column

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
    from venturalitica.provenance.fingerprint.objects import object_column

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
