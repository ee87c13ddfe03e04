"""Columns of Python objects, read as the one type that they all have, else as `mixed`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from datetime import time as clock
from decimal import Decimal
from typing import Any

import numpy
from numpy.typing import NDArray

from venturalitica.probes.column_hash import Ints, Kind, Piece
from venturalitica.probes.column_read import Column, unsupported
from venturalitica.probes.column_text import text_piece
from venturalitica.probes.column_whole import (
    durations_column,
    numbers_column,
    timestamps_column,
)

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
    pack = text_piece if plain else _PACKERS[kind]

    def read(start: int, stop: int) -> Piece:
        part, gone = array[start:stop], absent[start:stop]
        missing = numpy.flatnonzero(gone)
        present = part[~gone] if missing.size else part
        return pack(present.tolist(), part.size, missing, name)

    return Column(name, array.size, read)


_WHOLE_COLUMNS: dict[
    str, Callable[[NDArray[Any], NDArray[numpy.bool_], set[type], str], Column]
] = {
    "number": numbers_column,
    "timestamp": timestamps_column,
    "duration": durations_column,
}


def _pack_booleans(values: list[Any], rows: int, missing: Ints, name: str) -> Piece:
    return Piece("bool", rows, missing, numpy.array(values, dtype=bool))


def _pack_text(values: list[Any], rows: int, missing: Ints, name: str) -> Piece:
    return text_piece(list(map(str, values)), rows, missing, name)


def _pack_decimals(values: list[Any], rows: int, missing: Ints, name: str) -> Piece:
    texts = list(map(decimal_text, values))
    return text_piece(texts, rows, missing, name, kind="decimal")


def decimal_text(value: Decimal) -> str:
    """The number without exponent or trailing zeros, so that 1.50 and 1.5 are one; 0 for -0."""
    text = format(value.normalize(), "f")
    return "0" if text == "-0" else text


def _pack_clocks(values: list[Any], rows: int, missing: Ints, name: str) -> Piece:
    return text_piece([v.isoformat() for v in values], rows, missing, name, kind="time")


def _pack_binary(values: list[Any], rows: int, missing: Ints, name: str) -> Piece:
    sizes = numpy.fromiter(map(len, values), dtype=numpy.int64, count=len(values))
    return Piece("binary", rows, missing, sizes=sizes, data=b"".join(values))


def _pack_mixed(values: list[Any], rows: int, missing: Ints, name: str) -> Piece:
    return text_piece(list(map(_mixed_text, values)), rows, missing, name, kind="mixed")


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


_PACKERS: dict[str, Callable[[list[Any], int, Ints, str], Piece]] = {
    "bool": _pack_booleans,
    "text": _pack_text,
    "decimal": _pack_decimals,
    "time": _pack_clocks,
    "binary": _pack_binary,
    "mixed": _pack_mixed,
}
