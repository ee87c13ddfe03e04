"""Texts as lengths and one run of UTF-8, without a Python call per row where that can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

from venturalitica.errors import DataError
from venturalitica.probes.column_hash import Ints, Kind, Piece

_SHORT = 64
_ASCII_END = 128
_NUL = b"\0"


def text_piece(
    values: Sequence[str], rows: int, missing: Ints, name: str, *, kind: Kind = "text"
) -> Piece:
    """A piece of texts as UTF-8; DataError where one is not valid Unicode."""
    joined = encoded("\0".join(values), name)
    ends = numpy.flatnonzero(numpy.frombuffer(joined, dtype=numpy.uint8) == 0)
    if ends.size == len(values) - 1:
        edges = numpy.concatenate(([-1], ends, [len(joined)]))
        sizes = numpy.diff(edges) - 1
        return Piece(kind, rows, missing, sizes=sizes, data=joined.translate(None, _NUL))
    parts = [value.encode() for value in values]
    sizes = numpy.fromiter(map(len, parts), dtype=numpy.int64, count=len(parts))
    return Piece(kind, rows, missing, sizes=sizes, data=b"".join(parts))


def encoded(text: str, name: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"column '{name}' holds text that is not valid Unicode ({error.reason}): "
            "read the file with its right encoding"
        ) from error


def fixed_width_piece(array: NDArray[Any], missing: Ints, name: str) -> Piece:
    """A piece of a numpy array of fixed-width text (dtype kind U)."""
    sizes = numpy.strings.str_len(array)
    if array.dtype.itemsize:
        native = numpy.ascontiguousarray(array.astype(array.dtype.newbyteorder("="), copy=False))
        points = native.view(numpy.uint32)
        if points.max() < _ASCII_END:
            data = points.astype(numpy.uint8).tobytes().translate(None, _NUL)
            if len(data) == sizes.sum():
                return Piece("text", array.size, missing, sizes=sizes, data=data)
    return text_piece(array.tolist(), array.size, missing, name)


def gatherer(texts: Sequence[str], name: str) -> Callable[[NDArray[Any], int, Ints], Piece]:
    """What makes a piece of the texts that codes stand for: (codes, rows, missing) -> piece."""
    parts = [encoded(text, name) for text in texts]
    lengths = numpy.array([len(part) for part in parts], dtype=numpy.int64)
    widest = int(lengths.max(initial=0))
    fits = 0 < widest <= _SHORT and not any(_NUL in part for part in parts)
    table = numpy.array(parts, dtype=f"S{widest}") if fits else None

    def gather(codes: NDArray[Any], rows: int, missing: Ints) -> Piece:
        if missing.size == rows:
            return Piece("null", rows, missing)
        if table is None:
            data = b"".join(map(parts.__getitem__, codes.tolist()))
        else:
            data = table[codes].tobytes().translate(None, _NUL)
        return Piece("text", rows, missing, sizes=lengths[codes], data=data)

    return gather
