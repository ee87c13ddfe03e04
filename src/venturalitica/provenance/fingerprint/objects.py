"""Columns of Python objects, read as the one type that they all have, else as `mixed`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from typing import Any

import numpy
from numpy.typing import NDArray

from venturalitica.errors import DataError
from venturalitica.provenance.fingerprint.digest import (
    Column,
    Ints,
    Kind,
    Piece,
    masked_column,
    unsupported,
)

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


_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


def numbers_column(
    array: NDArray[Any], absent: NDArray[numpy.bool_], types: set[type], name: str
) -> Column:
    present = array[~absent]
    if all(issubclass(kind, float | numpy.floating) for kind in types):
        numbers = present.astype(numpy.float64)
    else:
        numbers = _exact(present, types, name)
    return masked_column(_spread(numbers, absent), absent, name)


def _exact(present: NDArray[Any], types: set[type], name: str) -> NDArray[Any]:
    """Integers where all are whole and fit, else floats."""
    if types == {int}:
        try:
            return present.astype(numpy.int64)
        except OverflowError:
            pass
    values = present.tolist()
    if not all(map(_is_whole, values)):
        return numpy.array(values, dtype=numpy.float64)
    integers = list(map(int, values))
    low, high = min(integers), max(integers)
    if low >= -(2**63) and high < 2**63:
        return numpy.array(integers, dtype=numpy.int64)
    if low >= 0 and high < 2**64:
        return numpy.array(integers, dtype=numpy.uint64)
    raise unsupported(name, "whole numbers beyond 64 bits")


def _is_whole(value: Any) -> bool:
    if isinstance(value, int | numpy.integer):
        return True
    return float(value).is_integer() and -(2.0**63) <= value < 2.0**63


def timestamps_column(
    array: NDArray[Any], absent: NDArray[numpy.bool_], types: set[type], name: str
) -> Column:
    values = array[~absent].tolist()
    zoned = {getattr(value, "tzinfo", None) is not None for value in values}
    if len(zoned) > 1:
        raise unsupported(name, "times with and without a time zone")
    micros = list(map(_microseconds, values))
    nanos = [getattr(value, "nanosecond", 0) for value in values]
    return _ticks(micros, nanos, absent, "timestamp", name, zoned=zoned == {True})


def _microseconds(value: Any) -> int:
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    offset = value.utcoffset()
    naive = value.replace(tzinfo=None)
    if hasattr(naive, "to_pydatetime"):
        naive = naive.to_pydatetime(warn=False)
    return int((naive - _EPOCH - (offset or timedelta())) // _MICROSECOND)


def durations_column(
    array: NDArray[Any], absent: NDArray[numpy.bool_], types: set[type], name: str
) -> Column:
    values = array[~absent].tolist()
    micros = [int(value // _MICROSECOND) for value in values]
    nanos = [getattr(value, "nanoseconds", 0) for value in values]
    return _ticks(micros, nanos, absent, "duration", name, zoned=False)


def _ticks(
    micros: list[int],
    nanos: list[int],
    absent: NDArray[numpy.bool_],
    kind: Kind,
    name: str,
    *,
    zoned: bool,
) -> Column:
    unit, ticks = "us", micros
    if any(nanos):
        ticks = [micro * 1_000 + nano for micro, nano in zip(micros, nanos, strict=True)]
        unit = "ns"
    try:
        array = _spread(numpy.array(ticks, dtype=numpy.int64), absent)
    except OverflowError as error:
        raise DataError(
            f"column '{name}' holds times that do not fit 64 bits of "
            f"{'nanoseconds' if unit == 'ns' else 'microseconds'}"
        ) from error
    return masked_column(array, absent, name, kind=kind, unit=unit, zoned=zoned)


def _spread(values: NDArray[Any], absent: NDArray[numpy.bool_]) -> NDArray[Any]:
    if values.size == absent.size:
        return values
    spread = numpy.zeros(absent.size, dtype=values.dtype)
    spread[~absent] = values
    return spread


_MAY_BE_NAN = (float, Decimal, numpy.floating, numpy.datetime64, numpy.timedelta64)
_MISSING_NAMES = ("NAType", "NaTType")


def object_column(
    values: Any, name: str, *, missing: Callable[[], NDArray[numpy.bool_]] | None = None
) -> Column:
    """A column of objects; `missing` gives the mask of those that its library holds for missing.

    Raises:
        DataError: they have no canonical form, alone or beside each other.
    """
    array = numpy.asarray(values, dtype=object)
    types = set(map(type, array.tolist()))
    absent = _absent(array, types, missing)
    types = _types_present(array, types, absent)
    kinds = {_object_kind(kind, name) for kind in types}
    kind = kinds.pop() if len(kinds) == 1 else ("mixed" if kinds else "null")
    if kind == "mixed" and not kinds <= {"text", "number", "bool", "decimal"}:
        raise unsupported(name, " and ".join(sorted(kinds)))
    if kind in _WHOLE_COLUMNS:
        # Which numbers or which unit they become is a question to the column as a whole.
        return _WHOLE_COLUMNS[kind](array, absent, types, name)
    if kind == "null":
        return Column(name, array.size, _null_piece)
    return _packed_column(array, absent, kind, types == {str}, name)


def objects_of(values: Sequence[Any]) -> NDArray[Any]:
    """A 1-D array of these objects, also where they are sequences themselves."""
    array = numpy.empty(len(values), dtype=object)
    array[:] = values
    return array


def _absent(
    array: NDArray[Any],
    types: set[type],
    missing: Callable[[], NDArray[numpy.bool_]] | None,
) -> NDArray[numpy.bool_]:
    if not any(_may_be_missing(kind) for kind in types):
        return numpy.zeros(array.size, dtype=bool)
    if missing is not None:
        return missing()
    if types <= {str, int, bool, bytes, type(None)}:
        return numpy.array([value is None for value in array.tolist()], dtype=bool)
    return numpy.fromiter(map(_is_missing, array.tolist()), dtype=bool, count=array.size)


def _types_present(
    array: NDArray[Any], types: set[type], absent: NDArray[numpy.bool_]
) -> set[type]:
    sure = {kind for kind in types if kind is type(None) or kind.__name__ in _MISSING_NAMES}
    if any(_may_be_missing(kind) for kind in types - sure) and absent.any():
        return set(map(type, array[~absent].tolist()))
    return types - sure


def _may_be_missing(kind: type) -> bool:
    return kind is type(None) or kind.__name__ in _MISSING_NAMES or issubclass(kind, _MAY_BE_NAN)


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in _MISSING_NAMES:
        return True
    return isinstance(value, _MAY_BE_NAN) and bool(value != value)


def _object_kind(kind: type, name: str) -> Kind:
    for bases, word in _OBJECT_KINDS:
        if issubclass(kind, bases):
            return word
    if kind.__name__ in ("Interval", "Period"):
        return "text"
    raise unsupported(name, kind.__name__)


_OBJECT_KINDS: tuple[tuple[tuple[type, ...], Kind], ...] = (
    ((str,), "text"),
    ((bool, numpy.bool_), "bool"),
    ((int, float, numpy.integer, numpy.floating), "number"),
    ((Decimal,), "decimal"),
    ((date,), "timestamp"),
    ((timedelta,), "duration"),
    ((clock,), "time"),
    ((bytes,), "binary"),
)


def _null_piece(start: int, stop: int) -> Piece:
    return Piece("null", stop - start, numpy.arange(stop - start))


def _packed_column(
    array: NDArray[Any], absent: NDArray[numpy.bool_], kind: Kind, plain: bool, name: str
) -> Column:
    """`plain` says that every value is a `str` already."""

    def read(start: int, stop: int) -> Piece:
        part, gone = array[start:stop], absent[start:stop]
        missing = numpy.flatnonzero(gone)
        present = part[~gone] if missing.size else part
        if plain:
            return text_piece(present.tolist(), part.size, missing, name)
        return _packed(present.tolist(), part.size, missing, kind, name)

    return Column(name, array.size, read)


def _packed(values: list[Any], rows: int, missing: Ints, kind: Kind, name: str) -> Piece:
    if kind == "bool":
        return Piece("bool", rows, missing, numpy.array(values, dtype=bool))
    if kind == "binary":
        sizes = numpy.fromiter(map(len, values), dtype=numpy.int64, count=len(values))
        return Piece("binary", rows, missing, sizes=sizes, data=b"".join(values))
    return text_piece(list(map(_AS_TEXT[kind], values)), rows, missing, name, kind=kind)


_WHOLE_COLUMNS: dict[
    str, Callable[[NDArray[Any], NDArray[numpy.bool_], set[type], str], Column]
] = {
    "number": numbers_column,
    "timestamp": timestamps_column,
    "duration": durations_column,
}


def decimal_text(value: Decimal) -> str:
    """The number without exponent or trailing zeros, so that 1.50 and 1.5 are one; 0 for -0."""
    text = format(value.normalize(), "f")
    return "0" if text == "-0" else text


def _mixed_text(value: Any) -> str:
    """JSON: texts are quoted, so the text 1 and the number 1 differ; 1 and 1.0 do not."""
    if isinstance(value, str):
        return json.dumps(str(value), ensure_ascii=False)
    if isinstance(value, bool | numpy.bool_):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, int | numpy.integer):
        return str(int(value))
    number = float(value)
    return str(int(number)) if number.is_integer() else repr(number)


_AS_TEXT: dict[Kind, Callable[[Any], str]] = {
    "text": str,
    "decimal": decimal_text,
    "time": clock.isoformat,
    "mixed": _mixed_text,
}
