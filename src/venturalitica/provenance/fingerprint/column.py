"""A column of rows as what is hashed: its kind, its missing places, its values in blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from venturalitica.errors import DataError
from venturalitica.provenance.fingerprint.digest import Ints, Kind, Piece

_NONE_MISSING: Ints = numpy.zeros(0, dtype=numpy.int64)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of any library: `read(start, stop)` gives the rows between as a piece.

    Threads may read several blocks of it at once.
    """

    name: str
    rows: int
    read: Callable[[int, int], Piece]


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
